#include "granary/cli/command_tree.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace granary::cli {
namespace {

using Visit = std::function<void(const std::string& path, const CLI::App& command)>;

std::vector<const CLI::App*> Below(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

// Every command, parents before what is below them; "granary source add".
void Walk(const std::string& path, const CLI::App& command, const Visit& visit) {
  visit(path, command);
  for (const CLI::App* below : Below(command)) Walk(path + " " + below->get_name(), *below, visit);
}

// Text for roff: no request at the start of a line, dashes that stay dashes.
std::string Roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

void AppendOption(const CLI::Option& option, std::string& out) {
  if (option.get_positional()) {
    out += fmt::format(".TP\n\\fI{}\\fR{}\n", Roff(option.get_name(true)),
                       option.get_required() ? "" : " (optional)");
  } else {
    const bool takes_value = option.get_items_expected_max() > 0;
    // A flag that switches off is named "--no-flush{false}".
    std::string names = option.get_name(false, true);
    names = names.substr(0, names.find('{'));
    out += fmt::format(".TP\n\\fB{}\\fR{}\n", Roff(names), takes_value ? " \\fIVALUE\\fR" : "");
  }
  out += Roff(option.get_description());
  if (!option.get_default_str().empty())
    out += fmt::format(" (default {})", Roff(option.get_default_str()));
  out += ".\n";
}

void AppendCommand(const std::string& path, const CLI::App& command, std::string& out) {
  out += fmt::format(".SS {}\n{}.\n", Roff(path), Roff(command.get_description()));
  for (const CLI::Option* option : command.get_options()) {
    if (option != command.get_help_ptr()) AppendOption(*option, out);
  }
}

std::string Words(const CLI::App& command) {
  std::string words;
  for (const CLI::App* below : Below(command)) words += below->get_name() + " ";
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// Follows the words that name commands, then offers what that command knows; file names elsewhere.
std::string BashScript(const CLI::App& program) {
  std::string paths, words;
  Walk("granary", program, [&](const std::string& path, const CLI::App& command) {
    if (path != "granary") paths += fmt::format("{}\"{}\"", paths.empty() ? "" : "|", path);
    words += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, Words(command));
  });
  return fmt::format(R"(_granary() {{
  local word words="" path="granary" cur="${{COMP_WORDS[COMP_CWORD]}}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path $word" in
      {}) path="$path $word" ;;
    esac
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _granary granary
)",
                     paths, words);
}

}  // namespace

std::string ManualPage(const CLI::App& program) {
  std::string out = ".\\\" Made by `granary man`.\n.TH GRANARY 1 \"\" \"Granary\"\n.SH NAME\n";
  // The description begins with the name: "Granary: …".
  std::string purpose = program.get_description();
  purpose.erase(0, std::min(purpose.find(": ") + 2, purpose.size()));
  out += fmt::format("granary \\- {}\n", Roff(purpose));
  out +=
      ".SH SYNOPSIS\n.B granary\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n"
      "One program: the service and the tools around it. Every command explains itself with "
      "\\fB\\-\\-help\\fR.\n.SH COMMANDS\n";
  Walk("granary", program, [&](const std::string& path, const CLI::App& command) {
    if (path != "granary") AppendCommand(path, command, out);
  });
  out +=
      ".SH EXIT STATUS\n0 when all went well, 1 when the command failed (for check: when anything "
      "is damaged), 2 for a command line or configuration that is wrong.\n.SH FILES\n.TP\n"
      "\\fIconfig.env\\fR\nRead from the current folder when it is there; see "
      "\\fBgranary config show\\fR.\n";
  return out;
}

Result<std::string> Completion(const CLI::App& program, std::string_view shell) {
  if (shell == "bash") return BashScript(program);
  if (shell == "zsh")
    return "#compdef granary\nautoload -U +X bashcompinit && bashcompinit\n" + BashScript(program);
  return Status(Code::kInvalidArgument, fmt::format("no completion for '{}': bash or zsh", shell));
}

}  // namespace granary::cli
