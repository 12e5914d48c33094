// granary: the one binary. Reads the command line and hands over; everything else is below.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/compute/initialize.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/cli/account_flags.h"
#include "granary/cli/check_command.h"
#include "granary/cli/command_tree.h"
#include "granary/cli/config_command.h"
#include "granary/cli/demo.h"
#include "granary/cli/explain_command.h"
#include "granary/cli/export.h"
#include "granary/cli/import.h"
#include "granary/cli/model_command.h"
#include "granary/cli/nearest_word.h"
#include "granary/cli/query_command.h"
#include "granary/cli/source_command.h"
#include "granary/cli/variables.h"
#include "granary/hosting/run_service.h"
#include "granary/io/posix_file_system.h"
#include "granary/services/auth_gateway/run.h"
#include "granary/services/cbo_engine/run.h"
#include "granary/services/metadata_catalog/run.h"
#include "granary/services/monitoring/run.h"
#include "granary/services/operation_node/run.h"
#include "granary/services/tenant_node/run.h"
#include "granary/services/tenant_node/run_flags.h"
#include "granary/services/up/run.h"
#include "granary/storage/index/index_reader.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/wal/wal_dump.h"

namespace granary::cli {
namespace {

constexpr int kBadUsageExit = 2;  // As of services: the command line is wrong.

// What a command left behind: its text on stdout, its failure on stderr.
int Report(const Status& status, const std::string& text = {}) {
  std::fputs(text.c_str(), stdout);
  if (status.ok()) return 0;
  std::fprintf(stderr, "granary: %s\n", status.ToString().c_str());
  return 1;
}

int ReportBadUsage(const Status& status) {
  Report(status);
  return kBadUsageExit;
}

void AddNodeAddress(CLI::App& command, NodeAddress& address) {
  command.add_option("--url", address.url,
                     fmt::format("The node; {} when not given, and with a key the Auth Gateway, {}",
                                 kNodeUrl, kGatewayUrl));
  command.add_option("--ca-file", address.ca_file,
                     "PEM file: who may have signed an https node's certificate");
  command.add_option("--key-file", address.key_file,
                     "File with an API key to show, - for stdin; GRANARY_API_KEY when not given");
}

void AddImport(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "import",
      "Write a file's records (CSV, NDJSON, JSON, Arrow, Parquet) into a source of a running node");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("file", options->path, "The file")->required();
  auto* source =
      command->add_option("--source", options->source,
                          "The source; added with the file's columns when it is not there");
  command->add_option("into", options->source, "Instead of --source")->excludes(source);
  AddNodeAddress(*command, *options);
  command->add_option("--format", options->format,
                      "csv, ndjson, json, arrow or parquet; by the file's ending when not given");
  command
      ->add_option("--null", options->null_texts,
                   "A text that means null where a CSV cell without quotes is just it, as NA; "
                   "repeatable. An empty cell always does")
      ->allow_extra_args(false);
  command
      ->add_option("--batch", options->batch_records,
                   "Records in one write; without it, the whole file is one, all of it or nothing, "
                   "where that can be")
      ->check(CLI::Range(1, 10'000));
  command->add_flag("!--no-flush", options->flush,
                    "Write in batches and leave the records in the hot tier");
  command->callback([options, &exit_code] {
    const Status sorted = SortOut(*options);
    exit_code = sorted.ok() ? Report(RunImport(*options)) : ReportBadUsage(sorted);
  });
}

void AddQuery(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("query", "Search a running node");
  auto options = std::make_shared<QueryOptions>();
  command->add_option("sources", options->sources,
                      "The sources; all of the tenant's when none is given");
  command->add_option("--filters", options->filters,
                      R"(JSON as in POST /data/search: '{"amount": {"gt": 100}}')");
  command->add_option("--columns", options->columns, "Columns to show")->delimiter(',');
  command->add_option("--order-by", options->order_by, "amount or amount:desc; several with commas")
      ->delimiter(',');
  command->add_option("--limit", options->limit, "Records at most")->capture_default_str();
  command
      ->add_option("--output,--format", options->output,
                   "table, json, ndjson, csv, arrow or parquet; the last two are for a pipe")
      ->capture_default_str();
  AddNodeAddress(*command, *options);
  command->callback([options, &exit_code] { exit_code = Report(RunQuery(*options)); });
}

void AddExplain(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "explain", "How a running node carries out a search or an aggregate, and what it chose over");
  auto options = std::make_shared<ExplainOptions>();
  options->search.output = "tree";
  command->add_option("sources", options->search.sources,
                      "The sources; all of the tenant's when none is given");
  command->add_option("--filters", options->search.filters,
                      R"(JSON as in POST /data/search: '{"amount": {"gt": 100}}')");
  command->add_option("--columns", options->search.columns, "Columns to show")->delimiter(',');
  command
      ->add_option("--order-by", options->search.order_by,
                   "amount or amount:desc; several with commas")
      ->delimiter(',');
  command->add_option("--limit", options->search.limit, "Records at most")->capture_default_str();
  command->add_option("--aggregate", options->aggregate,
                      "Instead of a search: JSON as in POST /data/aggregate");
  command->add_flag("--analyze", options->analyze, "Run it, and tell what each step took");
  command->add_option("--output,--format", options->search.output, "tree or json")
      ->capture_default_str();
  AddNodeAddress(*command, options->search);
  command->callback([options, &exit_code] { exit_code = Report(RunExplain(*options)); });
}

void AddExport(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "export", "Write the records of a source into a file (CSV, NDJSON, Arrow, Parquet)");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("source", options->source, "The source")->required();
  command->add_option("file", options->path, "The file; replaced once all is there")->required();
  command->add_option("--format", options->format,
                      "ndjson, csv, arrow or parquet; by the file's ending when not given");
  command->add_option("--filters", options->filters,
                      R"(JSON as in POST /data/search: '{"amount": {"gt": 100}}')");
  command->add_option("--columns", options->columns, "Columns to write")->delimiter(',');
  AddNodeAddress(*command, *options);
  command->callback([options, &exit_code] {
    SortOut(*options);
    exit_code = Report(RunExport(*options));
  });
}

void AddDemo(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("demo", "A guided tour: standalone, or of a running node's REST API");
  auto options = std::make_shared<DemoOptions>();
  CLI::Option* tour = command->add_option_function<std::string>(
      "tour",
      [options](const std::string& name) { options->choice = name == "standalone" ? 1 : 2; },
      "standalone or rest; asked when not given");
  tour->check(CLI::IsMember({"standalone", "rest"}));
  command->add_option("--choice", options->choice, "The same by number: 1 or 2")
      ->check(CLI::Range(1, 2))
      ->excludes(tour);
  command->add_flag("--yes", options->yes, "Do not wait for Enter between steps");
  AddNodeAddress(*command, *options);
  command->callback([options, &exit_code] { exit_code = Report(RunDemo(*options)); });
}

// One verb of `granary source`; all of them share their options.
using SourceVerb = Status (*)(const SourceOptions& options);

CLI::App* AddSourceVerb(CLI::App& parent, const std::shared_ptr<SourceOptions>& options,
                        const std::string& verb, const std::string& help, SourceVerb run,
                        int& exit_code) {
  auto* command = parent.add_subcommand(verb, help);
  AddNodeAddress(*command, *options);
  command->callback([options, run, &exit_code] { exit_code = Report(run(*options)); });
  return command;
}

void AddSources(CLI::App& app, int& exit_code) {
  auto* parent = app.add_subcommand("source", "The sources of a running node");
  parent->require_subcommand(1);
  auto options = std::make_shared<SourceOptions>();
  const auto with_id = [&](const char* verb, const char* help, SourceVerb run) {
    auto* command = AddSourceVerb(*parent, options, verb, help, run, exit_code);
    command->add_option("id", options->id, "The source")->required();
    return command;
  };
  AddSourceVerb(*parent, options, "list", "All sources, a line each", ListSources, exit_code)
      ->add_option("--output", options->output, "table or json")
      ->capture_default_str();
  with_id("show", "A source's columns and policies", ShowSource);
  with_id("schema", "Every version of its columns, and what changed", ShowSchema);
  auto* stats = with_id("stats", "What is known of its rows, files and columns", ShowStats);
  stats->add_flag("--histograms", options->histograms,
                  "Draw the most common values and the histogram of each column");
  stats->add_option("--output", options->output, "With --histograms: table or json")
      ->capture_default_str();
  with_id("flush", "Put all rows into committed Parquet", FlushSource);
  with_id("compact", "Merge its small files", CompactSource)
      ->add_flag("--wait", options->wait, "Return when it is done");
  AddSourceVerb(*parent, options, "add", "Add a source", AddSource, exit_code)
      ->add_option("definition", options->body,
                   "JSON as in POST /sources/add; @file, or @- for stdin")
      ->required();
  with_id("patch", "Add, rename, drop and widen columns; change policies", PatchSource)
      ->add_option("change", options->body,
                   "JSON as in PATCH /sources/{id}; @file, or @- for stdin")
      ->required();
  with_id("delete", "Remove a source and its data", DeleteSource)
      ->add_flag("--keep-data", options->keep_data, "Leave its files");
}

void AddCompaction(CLI::App& app, int& exit_code) {
  auto* parent = app.add_subcommand("compaction", "The merging of small files");
  parent->require_subcommand(1);
  auto options = std::make_shared<SourceOptions>();
  auto* command =
      AddSourceVerb(*parent, options, "explain", "What would be merged and why, and what would not",
                    ExplainCompaction, exit_code);
  command->add_option("id", options->id, "The source")->required();
  command->add_flag("--all", options->all,
                    "What a compaction by request would do, not one in the background");
  command->add_option("--data-path", options->data_path,
                      "Ask no node: look into this folder, which none serves, by default settings");
  command->add_option("--output", options->output, "table or json")->capture_default_str();
}

void AddConfig(CLI::App& app, int& exit_code) {
  auto* parent = app.add_subcommand("config", "The configuration of the services");
  parent->require_subcommand(1);
  auto* command =
      parent->add_subcommand("show", "Every setting, its value and where it comes from");
  auto flags = std::make_shared<hosting::ConfigFlags>();
  auto output = std::make_shared<std::string>("table");
  auto service = std::make_shared<std::string>("tenant-node");
  command->add_option("service", *service, "tenant-node, auth-gateway, …; up: all of them")
      ->capture_default_str();
  services::AddNodeFlags(*command, *flags);
  command->add_option("--output", *output, "table or json")->capture_default_str();
  command->callback([service, flags, output, &exit_code] {
    const auto shown = ShownConfig(*service, *flags, *output);
    exit_code = Report(shown.status(), shown.ok() ? *shown : "");
    if (!shown.ok()) exit_code = kBadUsageExit;
  });
  parent
      ->add_subcommand("example",
                       "A config.env with every variable, its default and what is allowed")
      ->callback([&exit_code] { exit_code = Report(Status::Ok(), ExampleConfig()); });
}

void AddCheck(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "check", "Verify a data folder that no node serves: manifests, segments, logs");
  auto path = std::make_shared<std::string>();
  command->add_option("data-path", *path, "The folder, DATA_PATH of the node")->required();
  command->callback([path, &exit_code] { exit_code = Report(RunCheck(*path)); });
}

void AddModels(CLI::App& app, int& exit_code) {
  auto* models = app.add_subcommand("model", "The cost models of a CBO Engine");
  models->require_subcommand(1);
  const auto add = [&](const std::string& name, const char* help, bool takes_version,
                       Status (*run)(const ModelOptions&)) {
    auto* command = models->add_subcommand(name, help);
    auto options = std::make_shared<ModelOptions>();
    if (takes_version)
      command->add_option("version", options->version, "The model; \"serving\" where there is one")
          ->required();
    command->add_option("--url", options->url, "The engine")->capture_default_str();
    command->add_option("--ca-file", options->ca_file,
                        "PEM file: who may have signed an https engine\'s certificate");
    command->add_option("--output", options->output, "table or json")->capture_default_str();
    if (name == "promote")
      command->add_flag("--force", options->force, "Though the replayed regret does not fall");
    command->callback([options, run, &exit_code] { exit_code = Report(run(*options)); });
  };
  add("list", "Every model, and which served when", false, RunModelList);
  add("show", "The prices and corrections of one", true, RunModelShow);
  add("promote", "Make it the one that nodes take", true, RunModelPromote);
  add("rollback", "Go back to the one that served before", false, RunModelRollback);
  add("replay", "What it would have chosen for the queries that are recorded", true,
      RunModelReplay);
}

void AddSelfDescriptions(CLI::App& app, int& exit_code) {
  auto* completion =
      app.add_subcommand("completion", "A script that completes commands in a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash or zsh")->required();
  completion->callback([&app, shell, &exit_code] {
    const auto script = Completion(app, *shell);
    exit_code = Report(script.status(), script.ok() ? *script : "");
    if (!script.ok()) exit_code = kBadUsageExit;
  });
  app.add_subcommand("man", "This program's manual page")->callback([&app, &exit_code] {
    exit_code = Report(Status::Ok(), ManualPage(app));
  });
}

using DumpFn =
    std::function<Status(const std::string& path, const std::string& source, std::string& out)>;

void AddDump(CLI::App& app, const std::string& noun, const std::string& help, const DumpFn& dump,
             int& exit_code) {
  auto* parent = app.add_subcommand(noun, help);
  parent->require_subcommand(1);
  auto* command =
      parent->add_subcommand("dump", "Print it, as far as it can be read; changes nothing");
  auto path = std::make_shared<std::string>();
  auto source = std::make_shared<std::string>();
  const bool of_log = noun == "wal";
  command->add_option("path", *path, of_log ? "The file, or the folder of files" : "The file")
      ->required();
  if (of_log) command->add_option("--source", *source, "Only frames of this source");
  command->callback([=, &exit_code] {
    std::string text;
    const Status status = dump(*path, *source, text);
    exit_code = Report(status, text);
  });
}

void AddDumps(CLI::App& app, int& exit_code) {
  static io::PosixFileSystem files;
  AddDump(
      app, "wal", "Write-ahead log files",
      [](const auto& path, const auto& source, auto& out) {
        return storage::DumpWal(files, path, source.empty() ? std::nullopt : std::optional(source),
                                out);
      },
      exit_code);
  AddDump(
      app, "segment", "Parquet segments",
      [](const auto& path, const auto&, auto& out) {
        return storage::DumpSegment(files, path, out);
      },
      exit_code);
  AddDump(
      app, "index", "Index files",
      [](const auto& path, const auto&, auto& out) { return storage::DumpIndex(files, path, out); },
      exit_code);
  AddDump(
      app, "manifest", "The manifest of a tenant",
      [](const auto& path, const auto&, auto& out) { return storage::DumpManifest(path, out); },
      exit_code);
}

// What fills the demo tenant of `granary up`: the files of ./dev run say NA where there is nothing.
Status ImportDemo(const std::string& file, const std::string& source, const std::string& url,
                  const std::string& key_file) {
  ImportOptions options;
  options.url = url;
  options.key_file = key_file;
  options.path = file;
  options.source = source;
  options.null_texts = {"NA"};
  return RunImport(options);
}

// What `granary <name>` serves. Each reads its own flags; another service is another line.
std::vector<hosting::ServiceProgram> ServicePrograms() {
  return {services::TenantNodeProgram(),     gateway::AuthGatewayProgram(),
          operation::OperationNodeProgram(), services::CboEngineProgram(),
          catalog::MetadataCatalogProgram(), services::MonitoringProgram(),
          services::UpProgram(ImportDemo)};
}

// Designed, and not in this version: named rather than taken for a typing error.
constexpr std::string_view kLaterCommands[] = {"sql", "backup", "restore"};

// The library would say of an unknown word only that a command is missing.
Status CheckCommands(const CLI::App& app, const std::vector<std::string>& args) {
  const CLI::App* at = &app;
  std::string typed;
  for (const std::string& word : args) {
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty() || word.starts_with('-')) return Status::Ok();
    const auto found = std::ranges::find(commands, word, &CLI::App::get_name);
    if (found == commands.end()) {
      std::vector<std::string> names;
      for (const CLI::App* one : commands) names.push_back(one->get_name());
      const auto nearest = NearestWord(word, names);
      return {
          Code::kInvalidArgument,
          fmt::format(
              "there is no command '{}{}'{} granary {}--help lists those that there are", typed,
              word, nearest ? fmt::format(": did you mean '{}{}'?", typed, *nearest) : ";", typed)};
    }
    at = *found;
    typed += word + " ";
  }
  return Status::Ok();
}

int Main(int argc, char** argv) {
  // Arrow brings an allocator of its own, which keeps what it was given: one allocator, with one
  // set of free pages, returns more. Read by Arrow at its first allocation; an operator's choice
  // stays.
  ::setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0);
  if (auto status = arrow::compute::Initialize(); !status.ok()) {
    std::fprintf(stderr, "granary: %s\n", status.ToString().c_str());
    return 1;
  }
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::vector<hosting::ServiceProgram> programs = ServicePrograms();
  for (const hosting::ServiceProgram& program : programs) {
    if (!args.empty() && args[0] == program.name)
      return hosting::RunService(program, {args.begin() + 1, args.end()}, KnowsVariable);
  }
  if (!args.empty() && std::ranges::find(kLaterCommands, args[0]) != std::end(kLaterCommands)) {
    return Report(
        Status::Unsupported("the command " + args[0] + " is not offered by this version"));
  }

  CLI::App app("Granary: multi-tenant storage for columnar and JSON data");
  app.require_subcommand(1);
  app.set_version_flag("--version", "granary " GRANARY_VERSION);
  int exit_code = 0;
  // Named here for the help; their flags are read above.
  std::vector<hosting::ConfigFlags> flags(programs.size());
  for (std::size_t i = 0; i < programs.size(); ++i) {
    auto* command =
        app.add_subcommand(std::string(programs[i].name), std::string(programs[i].about));
    programs[i].add_flags(*command, flags[i]);
  }
  AddImport(app, exit_code);
  AddQuery(app, exit_code);
  AddExplain(app, exit_code);
  AddModels(app, exit_code);
  AddExport(app, exit_code);
  AddDemo(app, exit_code);
  AddSources(app, exit_code);
  AddCompaction(app, exit_code);
  AddAccounts(app, [&exit_code](const Status& status) { exit_code = Report(status); });
  AddConfig(app, exit_code);
  AddCheck(app, exit_code);
  AddDumps(app, exit_code);
  AddSelfDescriptions(app, exit_code);
  if (!args.empty()) {
    if (const Status status = CheckCommands(app, args); !status.ok()) return ReportBadUsage(status);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsageExit;
  }
  return exit_code;
}

}  // namespace
}  // namespace granary::cli

// jemalloc reads this before main: freed pages go back to the kernel within a second, from a thread
// of its own and not when somebody happens to allocate next.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

int main(int argc, char** argv) { return granary::cli::Main(argc, argv); }
