// omma_chaos_node: a node as the omma command runs it, with the chaos test's apps beside the
// others.
//
//   omma_chaos_node node NAME --file CLUSTER.yaml
#include <cstdio>
#include <iterator>
#include <string_view>

#include "apps/omma/exit_code.hpp"
#include "apps/omma/node_process.hpp"
#include "tests/process/chaos/numbers_app.hpp"

int main(int argc, char** argv) {
  if (argc != 5 || std::string_view(argv[1]) != "node" || std::string_view(argv[3]) != "--file") {
    std::fputs("usage: omma_chaos_node node NAME --file CLUSTER.yaml\n", stderr);
    return omma::exit_usage;
  }
  auto apps = omma::make_apps();
  auto more = omma::make_numbers_apps();
  std::move(more.begin(), more.end(), std::back_inserter(apps));
  return omma::run_node(argv[2], argv[4], {}, false, std::move(apps));
}
