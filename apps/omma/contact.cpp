#include "apps/omma/contact.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/omma/follow.hpp"

namespace omma {

Result<Contact> contact(const CommonOptions& common) {
  auto cluster = find_cluster(common.cluster);
  if (!cluster) return cluster.error();
  auto client = connect_to(*cluster);
  if (!client) {
    return Error{Code::unavailable, "cluster '" + cluster->name + "' does not answer at " +
                                        cluster->head_address + " (" + client.error().message +
                                        "); its logs are in " + cluster->folder.string()};
  }
  return Contact{*std::move(cluster), *std::move(client)};
}

void say(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

int report(const CommonOptions& common, const Error& error, ExitCode code) {
  if (common.json) {
    const nlohmann::json json{
        {"error", {{"code", std::string(to_string(error.code))}, {"message", error.message}}}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    std::fprintf(stderr, "omma: %s\n", error.message.c_str());
  }
  return code;
}

}  // namespace omma
