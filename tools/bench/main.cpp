// omma_speed: one row of the speed table at a time; tools/bench/speed.py runs them all.
#include <CLI/CLI.hpp>

#include <csignal>
#include <string>

#include "tools/bench/rows.hpp"

int main(int argc, char** argv) {
  using namespace omma::bench;
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Measures one row of the speed table and prints it as JSON.");
  app.require_subcommand(1);
  std::string address = "127.0.0.1:0";
  std::string what;
  std::uint64_t count = 0;
  std::size_t bytes = 0;
  const auto row = [&](const char* name, const char* text, std::uint64_t count_default) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("--count", count, "how many")->default_val(count_default);
    return command;
  };
  const auto between = [&](CLI::App* command) {
    command->add_option("--address", address, "where the near process listens");
    return command;
  };

  row("local", "boxes from actor to actor in one process", 2'000'000)->callback([&] {
    measure_local(count);
  });
  between(row("round-trip", "a request and its reply, two processes", 20'000))->callback([&] {
    measure_round_trip(address, count);
  });
  between(row("rate", "small reliable messages, two processes", 1'000'000))->callback([&] {
    measure_rate(address, count);
  });
  CLI::App* payload = between(row("payload", "large payloads one way, two processes", 1000));
  payload->add_option("--bytes", bytes, "of one payload")->required();
  payload->callback([&] { measure_payload(address, bytes, count); });
  between(row("beside-pictures", "round trips beside pictures of 6.2 MB", 2000))->callback([&] {
    measure_beside_pictures(address, count);
  });
  between(row("idle-actors", "memory of actors that do nothing", 100'000))->callback([&] {
    measure_idle_actors(address, count);
  });

  row("bare-caf", "the same boxes from CAF actor to CAF actor", 4'000'000)->callback([&] {
    measure_bare_caf(count);
  });
  between(row("bare-rpc", "CAF actor, queue, RPC, CAF actor, and back", 20'000))->callback([&] {
    measure_bare_rpc(address, count);
  });
  CLI::App* caf_net = row("caf-net", "CAF's own network layer", 20'000);
  caf_net->add_option("--what", what, "round-trip or rate")->required();
  caf_net->callback([&] { measure_caf_net(what, count); });
  CLI::App* raw = row("raw-tcp", "writev and read, two processes", 1000);
  raw->add_option("--bytes", bytes, "of one payload")->required();
  raw->callback([&] { measure_raw_tcp(bytes, count); });
  CLI::App* shared = row("shared", "payloads lent between two processes, beside memcpy", 1000);
  shared->add_option("--bytes", bytes, "of one payload")->required();
  shared->callback([&] { measure_shared(bytes, count); });
  CLI::App* copying = row("memcpy", "the same payloads copied within a process", 1000);
  copying->add_option("--bytes", bytes, "of one payload")->required();
  copying->callback([&] { measure_memcpy(bytes, count); });

  CLI::App* far = app.add_subcommand("far", "the other process of a row; begun by the row itself");
  far->add_option("what", what)->required();
  far->add_option("near", address)->required();
  far->callback([&] {
    if (what == "rpc") return be_far_rpc(address);
    if (what == "caf") return be_far_caf();
    if (what == "raw") return be_far_raw_tcp(address);
    if (what == "shared") return be_far_shared(address);
    be_far_node(what, address);
  });
  CLI11_PARSE(app, argc, argv);
  return 0;
}
