// Shell completion, written from the command line's own tree: what CLI11 parses is what a shell
// offers. What a running cluster has (nodes, actors, ...) the scripts ask of `omma values KIND`,
// where KIND is the type name that the tree gives an option.
//
// Pure.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace omma {

struct CompletionOption {
  std::vector<std::string> names;  // "-h", "--help"
  std::string help;
  std::string kind;  // Of its value: "NODE", "FILE"; empty when it takes none.
  bool repeatable = false;
};

struct CompletionCommand {
  std::string name;  // Empty for omma itself.
  std::string help;
  std::vector<CompletionOption> options;
  std::vector<CompletionOption> places;  // Words without an option, in order; one name each.
  bool takes_parameters = false;         // Of an app, which only `omma values` knows.
};

// omma itself first, then its commands as they were added, without hidden ones.
std::vector<CompletionCommand> completion_commands(const CLI::App& root);

std::string bash_completion(const std::vector<CompletionCommand>& commands);
std::string zsh_completion(const std::vector<CompletionCommand>& commands);
std::string fish_completion(const std::vector<CompletionCommand>& commands);

}  // namespace omma
