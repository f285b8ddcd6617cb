#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/omma/commands.hpp"
#include "apps/omma/contact.hpp"
#include "apps/omma/doctor_checks.hpp"

namespace omma {
namespace {

void print(const Finding& finding) {
  std::printf("%-8s %-22s %s\n", std::string(to_string(finding.state)).c_str(),
              finding.topic.c_str(), finding.found.c_str());
  if (!finding.remedy.empty()) std::printf("%-8s %-22s -> %s\n", "", "", finding.remedy.c_str());
}

}  // namespace

int doctor_command(const CommonOptions& common, const std::string& file,
                   const std::vector<std::string>& settings) {
  ClusterVariables variables;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      say("omma: --set takes NAME=VALUE, not '" + setting + "'");
      return exit_usage;
    }
    variables[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  const auto findings = check_machine(look_at_machine(file, variables));
  const auto count = [&findings](Finding::State state) {
    return std::count_if(findings.begin(), findings.end(),
                         [state](const Finding& one) { return one.state == state; });
  };
  const auto failed = count(Finding::State::failed);
  const auto warnings = count(Finding::State::warning);
  if (common.json) {
    auto list = nlohmann::json::array();
    for (const Finding& one : findings) {
      list.push_back({{"state", std::string(to_string(one.state))},
                      {"topic", one.topic},
                      {"found", one.found},
                      {"remedy", one.remedy}});
    }
    const nlohmann::json json{{"failed", failed}, {"warnings", warnings}, {"findings", list}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    for (const Finding& one : findings) print(one);
    std::printf("%td failed, %td warnings\n", failed, warnings);
  }
  return failed == 0 ? exit_ok : exit_failed;
}

}  // namespace omma
