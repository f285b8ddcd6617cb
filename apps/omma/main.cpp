// omma: starts clusters, runs apps on them, follows results and looks inside.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <memory>

#include "apps/omma/commands.hpp"
#include "apps/omma/completion.hpp"
#include "apps/omma/exit_code.hpp"
#include "apps/omma/node_process.hpp"

namespace {

constexpr const char* examples = R"(
Examples:
  omma up clusters/demo.yaml --set data_dir=/tmp/videos   start a cluster
  omma run people_count --camera east --line door=200,100:200,500
                                                          count people, print rows, then a summary
  omma run people_count --camera my.mp4 --record out      an own video, with an annotated copy
  omma query people_count-1234 --out rows.jsonl           follow a session, each row exactly once
  omma ps                                                 what runs where
  omma move tracker/east cloud                            move an actor, live
  omma drain cam-west                                     move all actors of a node away
  omma ledger --details                                   where every frame went
  omma trace east/100                                     where the time of a frame went
  omma new my_app                                         begin an app of your own
  omma doctor --file clusters/demo.yaml                   is this machine fit for it
  source <(omma completion bash)                          the Tab key knows omma
  omma down                                               stop the cluster

Exit codes: 0 done; 1 the cluster refused or could not; 2 wrong command line or cluster file;
3 no cluster in reach; 4 the ledger does not add up.
)";

// What the commands that move actors take; lives as long as the parser.
struct MoveWords {
  std::string actor;
  std::string node;
  std::string reason = "asked for with omma move";
  bool off = false;
  std::uint32_t count_max = 20;
};

void add_move_commands(CLI::App& app, const std::function<CLI::App*(CLI::App*)>& add_common,
                       const omma::CommonOptions& common, int& code) {
  using namespace omma;
  const auto words = std::make_shared<MoveWords>();
  const auto add_actor = [&](CLI::App* command) {
    command->add_option("actor", words->actor, "TYPE/NAME, NAME or the first digits of its id")
        ->required()
        ->type_name("ACTOR");
  };
  const auto add_node = [&](CLI::App* command) {
    command->add_option("node", words->node, "its name")->required()->type_name("NODE");
  };
  const auto add_off = [&](CLI::App* command, const char* what) {
    command->add_flag("--off", words->off, what);
  };
  auto* move = add_common(app.add_subcommand("move", "move an actor to another node, live"));
  add_actor(move);
  add_node(move);
  move->add_option("--reason", words->reason, "for omma moves");
  move->callback(
      [&, words] { code = move_command(common, words->actor, words->node, words->reason); });

  auto* drain =
      add_common(app.add_subcommand("drain", "cordon a node and move its actors away; ends none"));
  add_node(drain);
  drain->callback([&, words] { code = drain_command(common, words->node); });

  auto* pin = add_common(app.add_subcommand("pin", "keep an actor from being moved"));
  add_actor(pin);
  add_off(pin, "let it be moved again");
  pin->callback([&, words] { code = pin_command(common, words->actor, !words->off); });

  auto* cordon = add_common(app.add_subcommand("cordon", "put no more actors on a node"));
  add_node(cordon);
  add_off(cordon, "take it into use again");
  cordon->callback([&, words] { code = cordon_command(common, words->node, !words->off); });

  auto* moves = add_common(app.add_subcommand("moves", "list past moves and why, latest first"));
  moves->add_option("--max", words->count_max, "how many")->check(CLI::PositiveNumber);
  moves->callback([&, words] { code = moves_command(common, words->count_max); });
}

// What the commands about this machine take; lives as long as the parser.
struct MachineWords {
  std::string file;
  std::vector<std::string> settings;
  std::string shell;
  std::string kind;
  std::string about;
};

void add_machine_commands(CLI::App& app, const std::function<CLI::App*(CLI::App*)>& add_common,
                          const omma::CommonOptions& common, bool& json, int& code) {
  using namespace omma;
  const auto words = std::make_shared<MachineWords>();
  auto* doctor = app.add_subcommand("doctor", "check this machine, and say what to do");
  doctor->add_option("--file", words->file, "check it for this cluster file, too")
      ->type_name("FILE");
  doctor->add_option("--set", words->settings, "NAME=VALUE for a ${NAME} in the file; repeatable");
  doctor->add_flag("--json", json, "print JSON");
  doctor->callback([&, words] { code = doctor_command(common, words->file, words->settings); });

  auto* completion = app.add_subcommand("completion", "print a script for the shell's Tab key");
  completion->add_option("shell", words->shell, "whose")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  completion->callback([&, words] {
    const auto commands = completion_commands(app);
    std::fputs((words->shell == "bash"  ? bash_completion(commands)
                : words->shell == "zsh" ? zsh_completion(commands)
                                        : fish_completion(commands))
                   .c_str(),
               stdout);
  });

  // What the scripts ask; for no person, hence hidden.
  auto* values = add_common(app.add_subcommand("values", "what a word may be"))->group("");
  values->add_option("kind", words->kind)->required();
  values->add_option("about", words->about);
  values->callback([&, words] { code = values_command(common, words->kind, words->about); });
}

}  // namespace

int main(int argc, char** argv) {
  using namespace omma;
  CLI::App app{"Ommatidia: live video analytics over many cameras."};
  app.footer(examples);
  app.require_subcommand(1);
  CommonOptions common;
  const auto add_common = [&](CLI::App* command) {
    command->add_option("--cluster", common.cluster, "which cluster, if several run here")
        ->type_name("CLUSTER");
    command->add_flag("--json", common.json, "print JSON");
    return command;
  };
  int code = exit_ok;

  std::string file;
  std::vector<std::string> settings;
  bool verbose = false;
  auto* up =
      add_common(app.add_subcommand("up", "start the cluster of a cluster file, on this machine"));
  up->add_option("file", file, "cluster file (YAML)")->required()->type_name("FILE");
  up->add_option("--set", settings, "NAME=VALUE for a ${NAME} in the file; repeatable");
  up->add_flag("--verbose", verbose, "nodes log more");
  up->callback([&] { code = up_command(common, file, settings, verbose); });

  RunOptions run;
  std::vector<std::string> run_kinds;
  auto* run_cmd = add_common(app.add_subcommand("run", "run an app; its own parameters follow"));
  run_cmd->add_option("app", run.app, "omma apps lists them")->required()->type_name("APP");
  run_cmd->add_option("--session", run.session, "a name to come back to");
  run_cmd->add_option("--module", run.module, "the app's module, NAME.omma.so; the head loads it")
      ->type_name("FILE");
  run_cmd->add_option("--out", run.out, "write all rows to this file, exactly once")
      ->type_name("FILE");
  run_cmd->add_option("--kind", run_kinds, "show only rows of this kind; repeatable");
  run_cmd->add_flag("--detach", run.detach, "start it and print the session's name");
  run_cmd->add_flag("--durable", run.durable,
                    "no crash loses or repeats a frame of a video of your own");
  run_cmd->add_flag("--quiet", run.quiet, "show progress and the summary, no rows");
  run_cmd->allow_extras();
  run_cmd->callback([&] {
    run.words = run_cmd->remaining();
    run.kinds = {run_kinds.begin(), run_kinds.end()};
    code = run_command(common, run);
  });

  QueryOptions query;
  std::vector<std::string> query_kinds;
  auto* query_cmd = add_common(app.add_subcommand("query", "follow a session's results"));
  query_cmd->add_option("session", query.session, "its name")->required()->type_name("SESSION");
  query_cmd->add_option("--out", query.out, "continue this file of JSON Lines, exactly once")
      ->type_name("FILE");
  query_cmd->add_option("--kind", query_kinds, "show only rows of this kind; repeatable");
  query_cmd->add_option("--from", query.from_cursor, "results after this cursor");
  query_cmd->add_flag("--now", query.now, "what is there now, then end");
  query_cmd->add_flag("--stop", query.stop, "end the session afterwards");
  query_cmd->callback([&] {
    query.kinds = {query_kinds.begin(), query_kinds.end()};
    code = query_command(common, query);
  });

  std::string session;
  auto* stop = add_common(app.add_subcommand("stop", "end a session and what only it needs"));
  stop->add_option("session", session, "its name")->required()->type_name("SESSION");
  stop->callback([&] { code = stop_command(common, session); });

  auto* ps = add_common(app.add_subcommand("ps", "list the nodes and their actors"));
  ps->callback([&] { code = ps_command(common); });

  auto* nodes = add_common(app.add_subcommand("nodes", "list the nodes and how they are"));
  nodes->callback([&] { code = nodes_command(common); });

  add_move_commands(app, add_common, common, code);

  bool details = false;
  auto* ledger =
      add_common(app.add_subcommand("ledger", "where every frame went; 4 if it does not add up"));
  ledger->add_flag("--details", details, "every stage and every edge");
  ledger->callback([&] { code = ledger_command(common, details); });

  TraceOptions trace;
  auto* trace_cmd =
      add_common(app.add_subcommand("trace", "where the time of a frame went, hop by hop"));
  trace_cmd->add_option("frame", trace.frame, "CAMERA/NUMBER, as results name it")
      ->type_name("FRAME");
  trace_cmd->add_option("--slowest", trace.slowest, "the slowest frames remembered; how many [1]")
      ->expected(0, 1)
      ->default_str("1");
  trace_cmd->add_option("--export", trace.export_file, "also write a file that Perfetto opens")
      ->type_name("FILE");
  trace_cmd->callback([&] {
    if (trace_cmd->count("--slowest") > 0 && trace.slowest == 0) trace.slowest = 1;
    code = trace_command(common, trace);
  });

  auto* where =
      add_common(app.add_subcommand("where", "print the cluster's folder: sockets, logs, data"));
  where->callback([&] { code = where_command(common); });

  auto* models =
      add_common(app.add_subcommand("models", "list the models that the cluster can run"));
  models->callback([&] { code = models_command(common); });

  auto* apps = add_common(app.add_subcommand("apps", "list the apps and their parameters"));
  apps->callback([&] { code = apps_command(common); });

  std::string new_name;
  std::string new_folder = ".";
  auto* new_cmd = app.add_subcommand("new", "write an app of your own that builds and runs");
  new_cmd->add_option("name", new_name, "my_app")->required();
  new_cmd->add_option("--dir", new_folder, "where its folder goes; here if left out")
      ->type_name("DIR");
  new_cmd->add_flag("--json", common.json, "print JSON");
  new_cmd->callback([&] { code = new_command(common, new_name, new_folder); });

  auto* down = add_common(app.add_subcommand("down", "stop the cluster"));
  down->callback([&] { code = down_command(common); });

  std::string source;
  std::string out;
  std::string window;
  std::uint64_t frames_max = 0;
  auto* clip =
      app.add_subcommand("clip", "cut a part out of a video, as H.264: a camera of its own");
  clip->add_option("source", source, "a video file")->required()->type_name("FILE");
  clip->add_option("out", out, "the MP4 to write")->required()->type_name("FILE");
  clip->add_option("--window", window,
                   "x,y,width,height in pixels of the source; all of it if left out");
  clip->add_option("--frames", frames_max, "only the first so many");
  clip->callback([&] { code = clip_command(source, out, window, frames_max); });

  add_machine_commands(app, add_common, common, common.json, code);

  std::string node_name;
  auto* node = app.add_subcommand("node", "be one node of a cluster (omma up starts these)");
  node->add_option("name", node_name, "the node's name in the file")->required();
  node->add_option("--file", file, "cluster file")->required()->type_name("FILE");
  node->add_option("--set", settings, "NAME=VALUE; repeatable");
  node->add_flag("--verbose", verbose, "log more");
  node->callback([&] {
    ClusterVariables variables;
    for (const std::string& setting : settings) {
      const auto equals = setting.find('=');
      variables[setting.substr(0, equals)] =
          equals == std::string::npos ? "" : setting.substr(equals + 1);
    }
    code = run_node(node_name, file, variables, verbose);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {  // CLI11's door; also how it says --help.
    return app.exit(wrong) == 0 ? exit_ok : exit_usage;
  }
  return code;
}
