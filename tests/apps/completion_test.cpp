#include "apps/omma/completion.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

namespace omma {
namespace {

bool has(const std::string& script, const std::string& text) {
  INFO("looking for " << text);
  return script.find(text) != std::string::npos;
}

// A command line with one of everything.
class Tree {
 public:
  Tree() {
    auto* move = app.add_subcommand("move", "move an actor's home");
    move->add_option("actor", word_)->required()->type_name("ACTOR");
    move->add_option("--node,-n", word_, "where [to]: there")->type_name("NODE");
    move->add_flag("--off", off_, "or not");
    move->add_option("--set", words_, "again and again");
    auto* run = app.add_subcommand("run", "run an app");
    run->add_option("app", word_)->type_name("APP");
    run->add_option("--slowest", number_, "how many")->expected(0, 1);
    run->allow_extras();
    app.add_subcommand("print", "")
        ->add_option("shell", word_)
        ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh"}));
    app.add_subcommand("hidden", "")->group("");
  }
  CLI::App app{"a program"};

 private:
  std::string word_;
  std::vector<std::string> words_;
  bool off_ = false;
  int number_ = 0;
};

TEST_CASE("commands, options and places are taken from the tree, hidden commands are not") {
  const Tree tree;
  const auto commands = completion_commands(tree.app);
  REQUIRE(commands.size() == 4);
  CHECK(commands[0].name.empty());
  const CompletionCommand& move = commands[1];
  CHECK(move.name == "move");
  REQUIRE(move.options.size() == 4);
  CHECK(move.options[0].names == std::vector<std::string>{"-h", "--help"});
  CHECK(move.options[0].kind.empty());
  CHECK(move.options[1].names == std::vector<std::string>{"-n", "--node"});
  CHECK(move.options[1].kind == "NODE");
  CHECK_FALSE(move.options[1].repeatable);
  CHECK(move.options[2].kind.empty());
  CHECK(move.options[3].repeatable);
  REQUIRE(move.places.size() == 1);
  CHECK(move.places[0].kind == "ACTOR");
  CHECK_FALSE(move.takes_parameters);
  CHECK(commands[2].takes_parameters);
  CHECK(commands[2].options[1].kind.empty());  // Its value may be left out.
  CHECK(commands[3].places[0].kind == "CHOICE:bash,zsh");
}

TEST_CASE("bash gets a table of options and one of values") {
  const Tree tree;
  const std::string script = bash_completion(completion_commands(tree.app));
  CHECK(has(script, "_omma_commands='move run print'"));
  CHECK(has(script, "'move') echo '-h --help -n --node --off --set' ;;"));
  CHECK(has(script, "'move --node') echo 'NODE' ;;"));
  CHECK(has(script, "'move -n') echo 'NODE' ;;"));
  CHECK(has(script, "'move 1') echo 'ACTOR' ;;"));
  CHECK(has(script, "'run') return 0 ;;"));
  CHECK_FALSE(has(script, "'move --off')"));
  CHECK_FALSE(has(script, "@KINDS@"));
}

TEST_CASE("zsh gets what its _arguments takes, with brackets and colons escaped") {
  const Tree tree;
  const std::string script = zsh_completion(completion_commands(tree.app));
  CHECK(has(script, "'move:move an actor'\\''s home'"));
  CHECK(has(script, R"('--node=[where \[to\]\: there]:NODE:_omma_values NODE')"));
  CHECK(has(script, R"('-n[where \[to\]\: there]:NODE:)"));
  CHECK(has(script, "'*--set=[again and again]:TEXT: '"));
  CHECK(has(script, "'1:shell:(bash zsh)'"));
}

TEST_CASE("fish gets a line for each option") {
  const Tree tree;
  const std::string script = fish_completion(completion_commands(tree.app));
  CHECK(has(script, "-a move -d 'move an actor\\'s home'"));
  CHECK(has(script, "__fish_seen_subcommand_from move' -s n -l node -r -a '(__omma_values NODE)'"));
  CHECK(has(script, "__fish_seen_subcommand_from print' -a 'bash zsh'"));
  CHECK_FALSE(has(script, "hidden"));
}

}  // namespace
}  // namespace omma
