#include "apps/omma/commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/omma/contact.hpp"
#include "apps/omma/exit_code.hpp"
#include "apps/omma/follow.hpp"
#include "apps/omma/launcher.hpp"
#include "apps/omma/summary.hpp"

namespace omma {
namespace {

// How long the ledger may take to become quiet after the last result.
constexpr Duration quiet_patience = std::chrono::seconds(5);
constexpr Duration quiet_poll = std::chrono::milliseconds(100);

struct Ledger {
  Accounts accounts;
  std::vector<std::string> missing_nodes;
  std::vector<Violation> broken;
  bool quiet = false;
};

// Taken again until nothing is under way or the time is over.
Result<Ledger> take_ledger(ControlClient& client, Duration patience) {
  const SystemClock clock;
  const Instant until = clock.now() + patience;
  for (;;) {
    Ledger ledger;
    auto accounts = client.accounts(&ledger.missing_nodes);
    if (!accounts) return accounts.error();
    ledger.accounts = settle_losses(*std::move(accounts));
    ledger.quiet = ledger.missing_nodes.empty() && is_quiet(ledger.accounts);
    ledger.broken = ledger_check(ledger.accounts, ledger.quiet);
    const bool settled = ledger.quiet && ledger.broken.empty();
    if (settled || clock.now() >= until) return ledger;
    std::this_thread::sleep_for(quiet_poll);
  }
}

// A line that is written over on a terminal, and now and then a new one elsewhere.
class Progress {
 public:
  // Where to look when nothing comes.
  explicit Progress(std::string logs) : logs_(std::move(logs)) {}

  void on_batch(ResultBatch::Reader batch) {
    if (batch.getResults().size() > 0) {
      last_news_ = clock_.now();
    } else if (clock_.now() - last_news_ > patience) {
      last_news_ = clock_.now();
      std::fprintf(stderr,
                   "  no new results for a while: omma ps shows what waits; logs are in %s\n",
                   logs_.c_str());
    }
    for (auto result : batch.getResults()) {
      const auto row = result.getResult();
      ++rows_[row.getKind().cStr()];
      if (row.getTag().getCamera().size() > 0) {
        auto& frame = frames_[row.getTag().getCamera().cStr()];
        frame = std::max(frame, row.getTag().getSequence() + (row.getTag().getEnd() ? 0 : 1));
      }
    }
    const Instant now = clock_.now();
    if (now - shown_ < (terminal_ ? every_on_terminal : every_elsewhere)) return;
    shown_ = now;
    show();
  }
  void finish() {
    show();
    if (terminal_) std::fputc('\n', stderr);
  }

 private:
  static constexpr Duration patience = std::chrono::seconds(10);
  static constexpr Duration every_on_terminal = std::chrono::milliseconds(200);
  static constexpr Duration every_elsewhere = std::chrono::seconds(3);

  void show() {
    if (rows_.empty()) return;
    std::string line;
    for (const auto& [camera, frames] : frames_) {
      line += camera + " " + std::to_string(frames) + " frames   ";
    }
    for (const auto& [kind, count] : rows_) {
      if (kind != "frame") line += kind + " " + std::to_string(count) + "   ";
    }
    std::fprintf(stderr, terminal_ ? "\r  %-100s" : "  %s\n", line.c_str());
  }

  const SystemClock clock_;
  const bool terminal_ = ::isatty(2) == 1;
  const std::string logs_;
  Instant shown_{};
  Instant last_news_ = clock_.now();
  std::map<std::string, std::uint64_t> frames_;
  std::map<std::string, std::uint64_t> rows_;
};

// Summary and ledger of a session that has ended; ends it.
int conclude(const CommonOptions& common, Contact& to, const std::string& session, bool stop) {
  auto summary = to.client.summary(session);
  if (!summary) return report(common, summary.error());
  auto ledger = take_ledger(to.client, quiet_patience);
  if (!ledger) return report(common, ledger.error());
  const auto read = summary->as<SessionSummary>();
  if (common.json) {
    std::printf("{\"session\":\"%s\",\"summary\":%s,\"ledger\":%s}\n", session.c_str(),
                summary_json(read).c_str(),
                ledger_json(ledger->accounts, ledger->broken, ledger->missing_nodes, ledger->quiet)
                    .c_str());
  } else {
    std::printf(
        "\n%s\n%s", summary_text(read).c_str(),
        ledger_text(ledger->accounts, ledger->broken, ledger->missing_nodes, ledger->quiet, false)
            .c_str());
  }
  if (stop) {
    if (auto stopped = to.client.stop_session(session); !stopped) {
      return report(common, stopped.error());
    }
  }
  return ledger->broken.empty() ? exit_ok : exit_law_broken;
}

// Follows to the end with rows, progress, file; then concludes.
int follow_and_conclude(const CommonOptions& common, Contact& to, const QueryOptions& options,
                        bool silent, bool conclude_after) {
  ResultWriter writer(common.json ? ResultWriter::Form::json_lines : ResultWriter::Form::table,
                      options.kinds);
  if (silent) writer.be_silent();
  if (!options.out.empty()) {
    if (auto opened = writer.open_file(options.out); !opened) return report(common, opened.error());
  }
  Progress progress(to.cluster.folder.string());
  FollowOptions follow_options;
  follow_options.session = options.session;
  follow_options.from_cursor = options.from_cursor;
  follow_options.until_end = !options.now;
  if (silent) {
    follow_options.on_batch = [&](ResultBatch::Reader batch) { progress.on_batch(batch); };
  }
  const auto followed = follow(to.cluster, writer, follow_options);
  if (silent) progress.finish();
  if (!followed) {
    const bool lost = followed.error().code == Code::unavailable;
    return report(common, followed.error(), lost ? exit_no_cluster : exit_failed);
  }
  if (!options.out.empty())
    say("rows up to " + std::to_string(writer.last_cursor()) + " are in " + options.out);
  if (conclude_after) return conclude(common, to, options.session, options.stop);
  return exit_ok;
}

}  // namespace

Result<Parameters> parse_parameters(const std::vector<std::string>& words) {
  Parameters parameters;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--") || word.size() < 3) {
      return Error{Code::invalid_argument,
                   "'" + word + "' is no parameter; write --NAME VALUE (omma apps lists them)"};
    }
    const auto equals = word.find('=');
    if (equals != std::string::npos) {
      parameters.emplace(word.substr(2, equals - 2), word.substr(equals + 1));
    } else if (i + 1 < words.size() && !words[i + 1].starts_with("--")) {
      parameters.emplace(word.substr(2), words[++i]);
    } else {
      return Error{Code::invalid_argument, word + " needs a value"};
    }
  }
  return parameters;
}

int up_command(const CommonOptions& common, const std::string& file,
               const std::vector<std::string>& settings, bool verbose) {
  LaunchOptions options;
  options.cluster_file = file;
  options.verbose = verbose;
  options.say = common.json ? [](const std::string&) {} : say;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      say("omma: --set takes NAME=VALUE, not '" + setting + "'");
      return exit_usage;
    }
    options.variables[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  const auto cluster = launch(options);
  if (!cluster) {
    const bool file_is_wrong =
        cluster.error().code == Code::invalid_argument || cluster.error().code == Code::not_found;
    return report(common, cluster.error(), file_is_wrong ? exit_usage : exit_failed);
  }
  if (common.json) {
    const nlohmann::json json{{"cluster", cluster->name},
                              {"folder", cluster->folder.string()},
                              {"processes", cluster->processes}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    say("cluster '" + cluster->name + "' is up: " + std::to_string(cluster->processes.size()) +
        " nodes");
  }
  return exit_ok;
}

int down_command(const CommonOptions& common) {
  auto cluster = find_cluster(common.cluster);
  if (!cluster) return report(common, cluster.error(), exit_no_cluster);
  auto stopped = shut_down(*cluster, say);
  if (!stopped) return report(common, stopped.error());
  if (!common.json) say("cluster '" + cluster->name + "' is down");
  return exit_ok;
}

int run_command(const CommonOptions& common, const RunOptions& options) {
  auto parameters = parse_parameters(options.words);
  if (!parameters) {
    return report(common, parameters.error(), exit_usage);
  }
  if (options.durable) parameters->emplace("durable", "true");
  // A path means the same file to a node, which has another working folder.
  const auto absolute = [&](const char* name) {
    const auto [first, last] = parameters->equal_range(name);
    for (auto it = first; it != last; ++it) {
      std::error_code ignored;
      if (std::filesystem::exists(it->second, ignored) || std::string_view(name) == "record") {
        it->second = std::filesystem::absolute(it->second).string();
      }
    }
  };
  for (auto& [name, value] : *parameters) {  // Of any app: who writes ./ means a path.
    if (value.starts_with("./") || value.starts_with("../")) {
      value = std::filesystem::absolute(value).lexically_normal().string();
    }
  }
  for (const char* name : {"camera", "model", "record"}) absolute(name);
  std::string module;
  if (!options.module.empty()) module = std::filesystem::absolute(options.module).string();
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  if (!options.out.empty()) {  // Before anything runs whose rows would have nowhere to go.
    auto opened = ResultWriter(ResultWriter::Form::table, {}).open_file(options.out);
    if (!opened) return report(common, opened.error());
  }
  auto session = to->client.run(options.app, options.session, *parameters, module);
  if (!session) return report(common, session.error());
  if (options.detach) {
    std::printf(common.json ? "{\"session\":\"%s\"}\n" : "%s\n", session->c_str());
    return exit_ok;
  }
  if (!common.json)
    say("session " + *session + " (come back to it with: omma query " + *session + ")");
  QueryOptions query;
  query.session = *session;
  query.out = options.out;
  query.kinds = options.kinds;
  query.stop = true;
  return follow_and_conclude(common, *to, query, options.quiet, true);
}

int query_command(const CommonOptions& common, const QueryOptions& options) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  return follow_and_conclude(common, *to, options, false, options.stop);
}

int stop_command(const CommonOptions& common, const std::string& session) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto stopped = to->client.stop_session(session);
  if (!stopped) return report(common, stopped.error());
  if (common.json) {
    std::printf("{\"stopped\":\"%s\"}\n", session.c_str());
  } else {
    say("session " + session + " ends");
  }
  return exit_ok;
}

int ledger_command(const CommonOptions& common, bool details) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto ledger = take_ledger(to->client, std::chrono::seconds(1));
  if (!ledger) return report(common, ledger.error());
  const std::string text = common.json ? ledger_json(ledger->accounts, ledger->broken,
                                                     ledger->missing_nodes, ledger->quiet) +
                                             "\n"
                                       : ledger_text(ledger->accounts, ledger->broken,
                                                     ledger->missing_nodes, ledger->quiet, details);
  std::fputs(text.c_str(), stdout);
  return ledger->broken.empty() ? exit_ok : exit_law_broken;
}

}  // namespace omma
