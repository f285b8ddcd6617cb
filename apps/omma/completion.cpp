#include "apps/omma/completion.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace omma {
namespace {

constexpr std::string_view choice = "CHOICE:";

// CLI11 puts what a value is checked for behind its type: "TEXT:{bash,zsh}", "UINT:POSITIVE".
std::string kind_of(const std::string& type) {
  const auto colon = type.find(':');
  if (colon == std::string::npos) return type;
  if (type.compare(colon, 2, ":{") != 0) return type.substr(0, colon);
  return std::string(choice) + type.substr(colon + 2, type.size() - colon - 3);
}

CompletionOption words_of(const CLI::Option& option) {
  CompletionOption words;
  for (const std::string& name : option.get_snames()) words.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) words.names.push_back("--" + name);
  words.help = option.get_description();
  // A value that may be left out is nothing to wait for.
  if (option.get_items_expected_min() > 0) words.kind = kind_of(option.get_type_name());
  words.repeatable = option.get_items_expected_max() > 1;
  return words;
}

CompletionCommand words_of(const CLI::App& app, const std::string& name) {
  CompletionCommand command;
  command.name = name;
  command.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    CompletionOption words = words_of(*option);
    if (option->get_positional()) {
      words.names = {option->get_name(/*positional=*/true)};
      command.places.push_back(std::move(words));
    } else {
      command.options.push_back(std::move(words));
    }
  }
  command.takes_parameters = app.get_allow_extras();
  return command;
}

// Which `omma values` knows.
constexpr std::array<std::string_view, 7> cluster_kinds{"ACTOR", "APP",  "CAMERA", "CLUSTER",
                                                        "FRAME", "NODE", "SESSION"};

bool asks_cluster(std::string_view kind) {
  return std::find(cluster_kinds.begin(), cluster_kinds.end(), kind) != cluster_kinds.end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> option_names(const CompletionCommand& command) {
  std::vector<std::string> names;
  for (const CompletionOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// For bash and zsh.
std::string in_quotes(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}

// With a backslash before each of these characters.
std::string escaped(const std::string& text, std::string_view characters) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string in_fish_quotes(const std::string& text) {
  return "'" + escaped(text, "'\\") + "'";
}

constexpr const char* bash_walk = R"bash(
# What belongs where the cursor is, from the words before it.
_omma() {
  local current=${COMP_WORDS[COMP_CWORD]} command= kind= cluster= first= name= place=0 i word
  COMPREPLY=()
  [[ $current == "=" ]] && current=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == "=" ]] && continue
    if [[ -n $kind ]]; then
      [[ $kind == CLUSTER ]] && cluster=$word
      kind=
    elif [[ $word == -* ]]; then
      kind=$(_omma_kind "$command $word")
      name=${word#--}
      if [[ -z $kind ]] && _omma_takes_parameters "$command" &&
          [[ " $(_omma_options "$command") " != *" $word "* ]]; then
        kind=PARAMETER_VALUE
      fi
    elif [[ -z $command ]]; then
      command=$word
    else
      ((++place))
      [[ $place == 1 ]] && first=$word
    fi
  done
  local IFS=$' \n'
  if [[ -n $kind ]]; then
    _omma_offer "$kind" "$name"
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_omma_options "$command")" -- "$current"))
    if _omma_takes_parameters "$command" && [[ -n $first ]]; then
      local known=("${COMPREPLY[@]}")
      _omma_offer PARAMETER "$first"
      COMPREPLY=("${known[@]}" "${COMPREPLY[@]}")
    fi
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W "$_omma_commands" -- "$current"))
  else
    _omma_offer "$(_omma_kind "$command $((place + 1))")" ""
  fi
}

# Values of a kind; for files and what nobody can know the shell's own completion takes over.
_omma_offer() {
  local words
  case $1 in
    CHOICE:*) words=${1#CHOICE:} words=${words//,/ } ;;
    DIR) compopt -o dirnames 2>/dev/null; return ;;
    @KINDS@ | PARAMETER | PARAMETER_VALUE)
      words=$("${COMP_WORDS[0]/#\~/$HOME}" values "$1" $2 \
        ${cluster:+--cluster "$cluster"} 2>/dev/null) ;;
    *) return ;;
  esac
  [[ $1 == FRAME ]] && compopt -o nospace 2>/dev/null
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -o bashdefault -o default -F _omma omma
)bash";

void replace(std::string& text, const std::string& what, const std::string& with) {
  text.replace(text.find(what), what.size(), with);
}

// "bash zsh"
std::string choices_of(const std::string& kind) {
  std::string words = kind.substr(choice.size());
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

// What zsh's _arguments does with a value of this kind.
std::string zsh_action(const std::string& kind) {
  if (kind == "FILE") return "_files";
  if (kind == "DIR") return "_files -/";
  if (asks_cluster(kind)) return "_omma_values " + kind;
  if (kind.starts_with(choice)) return "(" + choices_of(kind) + ")";
  return " ";
}

std::string fish_values(const std::string& kind) {
  if (kind == "FILE") return " -F";
  if (kind == "DIR") return " -a '(__fish_complete_directories)'";
  if (asks_cluster(kind)) return " -a '(__omma_values " + kind + ")'";
  if (kind.starts_with(choice)) return " -a " + in_fish_quotes(choices_of(kind));
  return "";
}

}  // namespace

std::vector<CompletionCommand> completion_commands(const CLI::App& root) {
  std::vector<CompletionCommand> commands{words_of(root, "")};
  for (const CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (!app->get_group().empty()) commands.push_back(words_of(*app, app->get_name()));
  }
  return commands;
}

std::string bash_completion(const std::vector<CompletionCommand>& commands) {
  std::string names;
  std::string options;
  std::string kinds;
  std::string with_parameters;
  for (const CompletionCommand& command : commands) {
    if (!command.name.empty()) names += (names.empty() ? "" : " ") + command.name;
    options += "    " + in_quotes(command.name) + ") echo " +
               in_quotes(joined(option_names(command))) + " ;;\n";
    for (const CompletionOption& option : command.options) {
      if (option.kind.empty()) continue;
      for (const std::string& name : option.names) {
        kinds += "    " + in_quotes(command.name + " " + name) + ") echo " +
                 in_quotes(option.kind) + " ;;\n";
      }
    }
    for (std::size_t place = 0; place < command.places.size(); ++place) {
      kinds += "    " + in_quotes(command.name + " " + std::to_string(place + 1)) + ") echo " +
               in_quotes(command.places[place].kind) + " ;;\n";
    }
    if (command.takes_parameters)
      with_parameters += "    " + in_quotes(command.name) + ") return 0 ;;\n";
  }
  std::string asked;
  for (const std::string_view kind : cluster_kinds) asked += std::string(kind) + " | ";
  std::string walk = bash_walk;
  replace(walk, "@KINDS@ | ", asked);
  return "# Completion of omma for bash, from its own command line: omma completion bash\n"
         "_omma_commands=" +
         in_quotes(names) +
         "\n\n"
         "_omma_options() {\n  case $1 in\n" +
         options +
         "  esac\n}\n\n"
         "# Of the value of an option, or of the word at a place.\n"
         "_omma_kind() {\n  case $1 in\n" +
         kinds +
         "  esac\n}\n\n"
         "_omma_takes_parameters() {\n  case $1 in\n" +
         with_parameters + "  esac\n  return 1\n}\n" + walk;
}

std::string zsh_completion(const std::vector<CompletionCommand>& commands) {
  std::string list;
  std::string cases;
  for (const CompletionCommand& command : commands) {
    if (command.name.empty()) continue;
    list += "    " + in_quotes(command.name + ":" + command.help) + "\n";
    cases += "    " + command.name + ")\n      _arguments -S";
    for (const CompletionOption& option : command.options) {
      for (const std::string& name : option.names) {
        const bool valued = !option.kind.empty();
        std::string spec = (option.repeatable ? "*" : "") + name;
        if (valued && name.starts_with("--")) spec += "=";
        spec += "[" + escaped(option.help, "[]:") + "]";
        if (valued) spec += ":" + option.kind + ":" + zsh_action(option.kind);
        cases += " \\\n        " + in_quotes(spec);
      }
    }
    for (std::size_t place = 0; place < command.places.size(); ++place) {
      cases += " \\\n        " +
               in_quotes(std::to_string(place + 1) + ":" + command.places[place].names.front() +
                         ":" + zsh_action(command.places[place].kind));
    }
    if (command.takes_parameters) {
      cases += " \\\n        '*:parameter:_omma_values PARAMETER \"$words[2]\"'";
    }
    cases += " ;;\n";
  }
  return "#compdef omma\n"
         "# Completion of omma for zsh, from its own command line: omma completion zsh\n"
         "_omma_values() {\n"
         "  local -a values\n"
         "  values=(${(f)\"$($_omma_program values \"$@\" 2>/dev/null)\"})\n"
         "  compadd -a values\n"
         "}\n\n"
         "_omma() {\n"
         "  local _omma_program=$words[1]\n"
         "  local -a commands=(\n" +
         list +
         "  )\n"
         "  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
         "  shift words\n  ((CURRENT--))\n  case $words[1] in\n" +
         cases +
         "  esac\n}\n\n"
         "if [[ $funcstack[1] == _omma ]]; then _omma; else compdef _omma omma; fi\n";
}

std::string fish_completion(const std::vector<CompletionCommand>& commands) {
  std::string names;
  std::string lines;
  for (const CompletionCommand& command : commands) {
    if (command.name.empty()) continue;
    names += (names.empty() ? "" : " ") + command.name;
    lines += "complete -c omma -n __omma_needs_command -a " + command.name + " -d " +
             in_fish_quotes(command.help) + "\n";
    const std::string when =
        "complete -c omma -n '__fish_seen_subcommand_from " + command.name + "'";
    for (const CompletionOption& option : command.options) {
      std::string words;
      for (const std::string& name : option.names) {
        words += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      lines += when + words + (option.kind.empty() ? "" : " -r" + fish_values(option.kind)) +
               " -d " + in_fish_quotes(option.help) + "\n";
    }
    for (const CompletionOption& place : command.places) {
      const std::string values = fish_values(place.kind);
      if (!values.empty()) lines += when + values + "\n";
    }
    if (command.takes_parameters) {
      lines += when + " -a '(__omma_values PARAMETER (commandline -opc)[3])'\n";
    }
  }
  return "# Completion of omma for fish, from its own command line: omma completion fish\n"
         "function __omma_values\n"
         "  set -l words (commandline -opc)\n"
         "  $words[1] values $argv 2>/dev/null\n"
         "end\n"
         "function __omma_needs_command\n"
         "  not __fish_seen_subcommand_from " +
         names +
         "\n"
         "end\n"
         "complete -c omma -f\n" +
         lines;
}

}  // namespace omma
