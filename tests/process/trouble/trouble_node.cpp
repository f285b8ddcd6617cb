// omma_trouble_node: a node as the omma command runs it, with the misbehaving app beside its own.
//
//   omma_trouble_node node NAME --file CLUSTER.yaml
#include <cstdio>
#include <string_view>

#include "apps/omma/exit_code.hpp"
#include "apps/omma/node_process.hpp"
#include "tests/process/trouble/trouble_app.hpp"

int main(int argc, char** argv) {
  if (argc != 5 || std::string_view(argv[1]) != "node" || std::string_view(argv[3]) != "--file") {
    std::fputs("usage: omma_trouble_node node NAME --file CLUSTER.yaml\n", stderr);
    return omma::exit_usage;
  }
  auto apps = omma::make_apps();
  apps.push_back(omma::make_trouble_app());
  return omma::run_node(argv[2], argv[4], {}, false, std::move(apps));
}
