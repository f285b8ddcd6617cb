#include "runtime/placement/cluster_file.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

namespace omma {
namespace {

using namespace std::chrono_literals;

const ClusterVariables variables = {{"run_dir", "/run/omma"}, {"data_dir", "/data"}};

// Line numbers below count from its first line, 1.
const std::string good =
    "cluster: yard\n"                                       // 1
    "head: cloud\n"                                         // 2
    "linger: 5s\n"                                          // 3
    "models: [/models]\n"                                   // 4
    "nodes:\n"                                              // 5
    "  - name: cloud\n"                                     // 6
    "    listen: 10.0.0.7:4400\n"                           // 7
    "    roles: [head, cloud]\n"                            // 8
    "    data: /var/omma/cloud\n"                           // 9
    "    compute_threads: 4\n"                              // 10
    "  - name: cam\n"                                       // 11
    "    listen: unix:/run/cam.sock\n"                      // 12
    "    roles: [camera]\n"                                 // 13
    "    data: /var/omma/cam\n"                             // 14
    "cameras:\n"                                            // 15
    "  - name: gate\n"                                      // 16
    "    node: cam\n"                                       // 17
    "    source: /videos/gate.mp4\n"                        // 18
    "    mode: live\n"                                      // 19
    "    window: {x: 0, y: 8, width: 384, height: 576}\n";  // 20

std::string with(const std::string& from, const std::string& to) {
  std::string text = good;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string message_of(const std::string& text) {
  auto cluster = parse_cluster_file(text, "yard.yaml", variables);
  REQUIRE_FALSE(cluster.ok());
  CHECK(cluster.error().code == Code::invalid_argument);
  return cluster.error().message;
}

TEST_CASE("a lease and a node's most actors are read") {
  auto cluster = parse_cluster_file(with("linger: 5s", "lease: 2s"), "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->lease == 2s);
  cluster = parse_cluster_file(with("compute_threads: 4", "actors_max: 9"), "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->nodes[0].actors_max == 9);
}

TEST_CASE("tracing and a node's metrics are read, and both can be off") {
  auto cluster = parse_cluster_file(good, "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->trace);
  CHECK(cluster->nodes[0].metrics_address.empty());
  cluster = parse_cluster_file(with("linger: 5s", "trace: off"), "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK_FALSE(cluster->trace);
  cluster = parse_cluster_file(with("compute_threads: 4", "metrics: 127.0.0.1:9464"), "yard.yaml",
                               variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->nodes[0].metrics_address == "127.0.0.1:9464");
  cluster = parse_cluster_file(with("compute_threads: 4", "metrics: 127.0.0.1:0"), "yard.yaml",
                               variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->nodes[0].metrics_address.empty());
  CHECK(message_of(with("linger: 5s", "trace: sometimes")).find("yard.yaml:3:8: ") == 0);
  CHECK(message_of(with("compute_threads: 4", "metrics: 9464")).find("host:port") !=
        std::string::npos);
  CHECK(message_of(with("compute_threads: 4", "metrics: 10.0.0.7:4400")).find("yard.yaml:10:") ==
        0);
}

TEST_CASE("a cluster file is read with its defaults") {
  auto cluster = parse_cluster_file(good, "yard.yaml", variables);
  if (!cluster.ok()) FAIL(cluster.error().describe());
  CHECK(cluster->name == "yard");
  CHECK(cluster->head_node == "cloud");
  CHECK(cluster->stage_linger == 5s);
  CHECK(cluster->lease == limits::lease_ttl);
  CHECK(cluster->model_folders == std::vector<std::filesystem::path>{"/models"});
  REQUIRE(cluster->nodes.size() == 2);
  const NodeSpec& cloud = cluster->nodes[0];
  CHECK(cloud.name == "cloud");
  CHECK(cloud.listen_address == "10.0.0.7:4400");
  CHECK(cloud.roles == std::vector<std::string>{"head", "cloud"});
  CHECK(cloud.data_folder == "/var/omma/cloud");
  CHECK(cloud.model_folders == cluster->model_folders);
  CHECK(cloud.executors.compute_threads == 4);
  CHECK(cloud.executors.io_threads == 1);
  CHECK(cloud.actors_max == limits::actors_per_node_max);
  CHECK_FALSE(cloud.tls.has_value());
  REQUIRE(cluster->cameras.size() == 1);
  const CameraSpec& gate = cluster->cameras[0];
  CHECK(gate.name == "gate");
  CHECK(gate.node == "cam");
  CHECK(gate.source == "/videos/gate.mp4");
  CHECK(gate.mode == CameraSpec::Mode::live);
  CHECK(gate.pace == CameraSpec::Pace::by_timestamps);
  CHECK_FALSE(gate.frames_max.has_value());
  CHECK_FALSE(gate.durable);
  REQUIRE(gate.window.has_value());
  CHECK(gate.window->x == 0);
  CHECK(gate.window->y == 8);
  CHECK(gate.window->width == 384);
  CHECK(gate.window->height == 576);
  CHECK(cluster->find_node("cam") == &cluster->nodes[1]);
  CHECK(cluster->find_node("moon") == nullptr);
  CHECK(cluster->find_camera("gate") == &gate);
  CHECK(cluster->find_camera("moon") == nullptr);
}

TEST_CASE("every optional key is read") {
  auto cluster = parse_cluster_file(with("    mode: live\n",
                                         "    mode: every_frame\n    pace: as_fast_as_possible\n"
                                         "    frames_max: 420\n    durable: true\n"),
                                    "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->cameras[0].mode == CameraSpec::Mode::every_frame);
  CHECK(cluster->cameras[0].pace == CameraSpec::Pace::as_fast_as_possible);
  CHECK(cluster->cameras[0].frames_max == 420u);
  CHECK(cluster->cameras[0].durable);

  cluster =
      parse_cluster_file(with("    compute_threads: 4\n",
                              "    io_threads: 3\n    models: [/a/../b, /c]\n"
                              "    apps: [/d/my_app.omma.so, /e]\n"
                              "    tls: {authority: /ca.pem, certificate: /n.pem, key: /n.key}\n"),
                         "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->nodes[0].executors.io_threads == 3);
  CHECK(cluster->nodes[0].model_folders == std::vector<std::filesystem::path>{"/b", "/c"});
  CHECK(cluster->nodes[0].app_modules ==
        std::vector<std::filesystem::path>{"/d/my_app.omma.so", "/e"});
  CHECK(cluster->nodes[1].app_modules.empty());
  REQUIRE(cluster->nodes[0].tls.has_value());
  CHECK(cluster->nodes[0].tls->authority == "/ca.pem");
  CHECK(cluster->nodes[0].tls->certificate == "/n.pem");
  CHECK(cluster->nodes[0].tls->key == "/n.key");
}

TEST_CASE("times are read in each unit") {
  const std::pair<const char*, Duration> rows[] = {{"7ns", 7ns}, {"250us", 250us}, {"500ms", 500ms},
                                                   {"5s", 5s},   {"2min", 2min},   {"1h", 1h},
                                                   {"0s", 0s}};
  for (const auto& [text, duration] : rows) {
    INFO(text);
    auto cluster = parse_cluster_file(with("linger: 5s", std::string("linger: ") + text),
                                      "yard.yaml", variables);
    REQUIRE(cluster.ok());
    CHECK(cluster->stage_linger == duration);
  }
}

TEST_CASE("addresses and sources are read in each form") {
  for (const char* address :
       {"unix:/run/a.sock", "127.0.0.1:1", "[::1]:65535", "*:4400", "cloud.example.org:4400"}) {
    INFO(address);
    CHECK(parse_cluster_file(with("10.0.0.7:4400", "'" + std::string(address) + "'"), "yard.yaml",
                             variables)
              .ok());
  }
  for (const char* source : {"rtsp://10.0.0.9/stream1", "synthetic:people?seed=7"}) {
    auto cluster = parse_cluster_file(with("/videos/gate.mp4", source), "yard.yaml", variables);
    REQUIRE(cluster.ok());
    CHECK(cluster->cameras[0].source == source);
  }
}

TEST_CASE("variables are replaced wherever a text stands") {
  auto cluster = parse_cluster_file(with("/videos/gate.mp4", "${data_dir}/${run_dir}$x.mp4"),
                                    "yard.yaml", variables);
  REQUIRE(cluster.ok());
  CHECK(cluster->cameras[0].source == "/data//run/omma$x.mp4");
}

struct Mistake {
  const char* from;
  const char* to;
  const char* message;
};

void check_each(std::initializer_list<Mistake> mistakes) {
  for (const Mistake& mistake : mistakes) {
    INFO(mistake.from << " -> " << mistake.to);
    CHECK(message_of(with(mistake.from, mistake.to)) == mistake.message);
  }
}

TEST_CASE("an unknown, missing or doubled key is named with its place and the nearest key") {
  check_each({
      {"head: cloud", "haed: cloud",
       "yard.yaml:2:1: cluster file: unknown key 'haed'; did you mean 'head'"},
      {"    roles: [camera]", "    role: [camera]",
       "yard.yaml:13:5: node 'cam': unknown key 'role'; did you mean 'roles'"},
      {"window: {x: 0, y: 8", "window: {x: 0, top: 8",
       "yard.yaml:20:20: window of camera 'gate': unknown key 'top'; known are 'x', 'y', 'width', "
       "'height'"},
      {"    mode: live\n", "    mode: live\n    node: cam\n",
       "yard.yaml:20:5: camera 'gate': key 'node' a second time; keep one"},
      {"    data: /var/omma/cam\n", "",
       "yard.yaml:11:5: node 'cam': 'data' is missing; add a line 'data: ...'"},
      {"  - name: cam\n    listen", "  - listen",
       "yard.yaml:11:5: node 2: 'name' is missing; add a line 'name: ...'"},
      {"cluster: yard\n", "",
       "yard.yaml:1:1: cluster file: 'cluster' is missing; add a line "
       "'cluster: ...'"},
      {", height: 576}", "}",
       "yard.yaml:20:13: window of camera 'gate': 'height' is missing; add a line 'height: ...'"},
  });
}

TEST_CASE("a value of another type, unit or range is refused with what is expected") {
  check_each({
      {"compute_threads: 4", "compute_threads: four",
       "yard.yaml:10:22: node 'cloud': 'compute_threads' is 'four', expected a whole number from 1 "
       "to 256; write digits only"},
      {"compute_threads: 4", "compute_threads: '4'",
       "yard.yaml:10:22: node 'cloud': 'compute_threads' is '4', expected a whole number from 1 to "
       "256; remove the quotes"},
      {"compute_threads: 4", "compute_threads: 0",
       "yard.yaml:10:22: node 'cloud': 'compute_threads' is 0, allowed are 1 to 256"},
      {"compute_threads: 4", "compute_threads: -1",
       "yard.yaml:10:22: node 'cloud': 'compute_threads' is '-1', expected a whole number from 1 "
       "to 256; write digits only"},
      {"compute_threads: 4", "compute_threads: 99999999999999999999",
       "yard.yaml:10:22: node 'cloud': 'compute_threads' is '99999999999999999999', expected a "
       "whole number from 1 to 256; write digits only"},
      {"roles: [camera]", "roles: camera",
       "yard.yaml:13:12: node 'cam': 'roles' is a text, expected a list; write [a, b] or '- ' "
       "lines"},
      {"roles: [camera]", "roles: [[camera]]",
       "yard.yaml:13:13: node 'cam': an entry of 'roles' is a list, expected a text"},
      {"data: /var/omma/cam\n", "data: {path: /var}\n",
       "yard.yaml:14:11: node 'cam': 'data' is a map, expected a text"},
      {"data: /var/omma/cam\n", "data: ''\n",
       "yard.yaml:14:11: node 'cam': 'data' is empty; write a text"},
      {"linger: 5s", "linger: 5",
       "yard.yaml:3:9: cluster file: 'linger' is '5', expected a whole number with a unit (ns, us, "
       "ms, s, min, h), like 500ms"},
      {"linger: 5s", "linger: 5sec",
       "yard.yaml:3:9: cluster file: 'linger' is '5sec', expected a whole number with a unit (ns, "
       "us, ms, s, min, h), like 500ms"},
      {"linger: 5s", "linger: 1.5s",
       "yard.yaml:3:9: cluster file: 'linger' is '1.5s', expected a whole number with a unit (ns, "
       "us, ms, s, min, h), like 500ms"},
      {"linger: 5s", "linger: 48h",
       "yard.yaml:3:9: cluster file: 'linger' is 48h, the longest allowed is 86400s"},
      {"linger: 5s", "lease: 100ms",
       "yard.yaml:3:8: cluster file: 'lease' is 100ms, the shortest allowed is 200ms"},
      {"linger: 5s", "lease: 1h",
       "yard.yaml:3:8: cluster file: 'lease' is 1h, the longest allowed is 600s"},
      {"linger: 5s", "lease: soon",
       "yard.yaml:3:8: cluster file: 'lease' is 'soon', expected a whole number with a unit (ns, "
       "us, ms, s, min, h), like 500ms"},
      {"compute_threads: 4", "actors_max: 0",
       "yard.yaml:10:17: node 'cloud': 'actors_max' is 0, allowed are 1 to 1000000"},
      {"mode: live", "mode: lives",
       "yard.yaml:19:11: camera 'gate': 'mode' is 'lives', expected one of 'live', 'every_frame'"},
      {"mode: live", "pace: realtime",
       "yard.yaml:19:11: camera 'gate': 'pace' is 'realtime', expected one of 'by_timestamps', "
       "'as_fast_as_possible'"},
      {"width: 384", "width: 9000",
       "yard.yaml:20:33: window of camera 'gate': 'width' is 9000, allowed are 1 to 8192"},
      {"x: 0, y", "x: 8000, y",
       "yard.yaml:20:36: window of camera 'gate': 'width' is 384, allowed are 1 to 192"},
      {"window: {x: 0, y: 8, width: 384, height: 576}", "window: 384x576",
       "yard.yaml:20:13: window of camera 'gate' is a text, expected a map; write 'key: value' "
       "lines with the keys 'x', 'y', 'width', 'height'"},
  });
}

TEST_CASE("names, addresses and folders must be well formed and belong to one owner") {
  check_each({
      {"name: cam\n", "name: cloud\n",
       "yard.yaml:11:11: node 'cloud': 'name' is 'cloud', which an earlier one has already; choose "
       "another"},
      {"unix:/run/cam.sock", "10.0.0.7:4400",
       "yard.yaml:12:13: node 'cam': 'listen' is '10.0.0.7:4400', which node 'cloud' has already; "
       "choose another"},
      {"data: /var/omma/cam\n", "data: /var/omma/x/../cloud\n",
       "yard.yaml:14:11: node 'cam': 'data' is '/var/omma/cloud', which node 'cloud' has already; "
       "choose another"},
      {"name: gate", "name: my gate",
       "yard.yaml:16:11: camera 'my gate': name 'my gate'; use letters, digits, '-', '_' and '.'"},
      {"10.0.0.7:4400", "10.0.0.7",
       "yard.yaml:7:13: node 'cloud': '10.0.0.7' is no address; write unix:/path or host:port "
       "(port 1 to 65535)"},
      {"10.0.0.7:4400", "10.0.0.7:0",
       "yard.yaml:7:13: node 'cloud': '10.0.0.7:0' is no address; write unix:/path or host:port "
       "(port 1 to 65535)"},
      {"10.0.0.7:4400", "10.0.0.7:70000",
       "yard.yaml:7:13: node 'cloud': '10.0.0.7:70000' is no address; write unix:/path or "
       "host:port (port 1 to 65535)"},
      {"unix:/run/cam.sock", "unix:cam.sock",
       "yard.yaml:12:13: path 'cam.sock' is relative; begin it with / or ${cluster_dir}/"},
      {"data: /var/omma/cam\n", "data: var/cam\n",
       "yard.yaml:14:11: path 'var/cam' is relative; begin it with / or ${cluster_dir}/"},
      {"models: [/models]", "models: [/models, more]",
       "yard.yaml:4:19: path 'more' is relative; begin it with / or ${cluster_dir}/"},
      {"/videos/gate.mp4", "gate.mp4",
       "yard.yaml:18:13: path 'gate.mp4' is relative; begin it with / or ${cluster_dir}/"},
  });
  const std::string long_path = "/run/" + std::string(110, 'x');
  CHECK(message_of(with("/run/cam.sock", long_path)) ==
        "yard.yaml:12:13: node 'cam': socket path '" + long_path +
            "' of 115 bytes, limit 107; use a shorter folder");
  CHECK(message_of(with("name: gate", "name: " + std::string(257, 'x')))
            .find("name of 257 bytes, limit 256; shorten it") != std::string::npos);
}

TEST_CASE("roles and references must fit together") {
  check_each({
      {"head: cloud", "head: clod",
       "yard.yaml:2:7: cluster file: no node 'clod'; did you mean "
       "'cloud'"},
      {"roles: [head, cloud]", "roles: [cloud]",
       "yard.yaml:2:7: cluster file: node 'cloud' lacks the role 'head'; add it to its roles"},
      {"roles: [camera]", "roles: [camera, head]",
       "yard.yaml:2:7: cluster file: 'cloud' is the head, but node 'cam' has the role 'head' too; "
       "remove it there"},
      {"roles: [camera]", "roles: [camera, clout]",
       "yard.yaml:13:21: unknown role 'clout'; did you mean 'cloud'"},
      {"roles: [camera]", "roles: [camera, camera]",
       "yard.yaml:13:21: role 'camera' a second time; keep one"},
      {"roles: [camera]", "roles: []",
       "yard.yaml:13:12: node 'cam': no roles; give it at least one of head, camera, cloud"},
      {"node: cam", "node: moon",
       "yard.yaml:17:11: camera 'gate': no node 'moon'; known are 'cloud', 'cam'"},
      {"node: cam", "node: cloud",
       "yard.yaml:17:11: camera 'gate': node 'cloud' lacks the role 'camera'; add it to its roles"},
      {"    roles: [camera]\n",
       "    roles: [camera]\n    tls: {authority: /a, certificate: /c, key: /k}\n",
       "yard.yaml:14:10: node 'cam': tls is for host:port addresses and it listens on "
       "unix:/run/cam.sock; remove tls, file permissions protect the socket"},
      {"    listen: unix:/run/cam.sock\n",
       "    listen: 10.0.0.8:1\n    tls: {authority: /a, certificate: /c, key: /k}\n",
       "yard.yaml:6:5: node 'cloud' has no tls, but node 'cam' has; give it to all nodes on "
       "host:port or to none"},
  });
}

TEST_CASE("an unknown or unclosed variable is named with its place") {
  check_each({
      {"/videos/gate.mp4", "${data_dri}/gate.mp4",
       "yard.yaml:18:13: unknown variable '${data_dri}'; did you mean 'data_dir'"},
      {"/videos/gate.mp4", "${home}/gate.mp4",
       "yard.yaml:18:13: unknown variable '${home}'; known are 'data_dir', 'run_dir'"},
      {"roles: [camera]", "roles: [camera, '${x}']",
       "yard.yaml:13:21: unknown variable '${x}'; known are 'data_dir', 'run_dir'"},
      {"/videos/gate.mp4", "${data_dir/gate.mp4",
       "yard.yaml:18:13: '${data_dir/gate.mp4' has '${' without '}'; close it"},
  });
}

TEST_CASE("what is no such file at all is refused with its place") {
  CHECK(message_of("") ==
        "yard.yaml: cluster file is nothing, expected a map; write 'key: value' lines with the "
        "keys 'cluster', 'head', 'linger', 'lease', 'trace', 'models', 'apps', 'nodes', "
        "'cameras'");
  CHECK(message_of("- a\n- b\n").starts_with("yard.yaml:1:1: cluster file is a list"));
  CHECK(message_of("cluster: [yard\nhead: x\n").starts_with("yard.yaml:2:"));
  CHECK(message_of("cluster: [yard\nhead: x\n").find("not YAML: ") != std::string::npos);
  CHECK(
      message_of(good + "---\ncluster: other\n").starts_with("yard.yaml:21:1: a second document"));
  CHECK(message_of("cluster: a\nhead: a\nnodes: []\n") ==
        "yard.yaml:3:8: cluster file: no nodes; name at least one");
  CHECK(message_of(std::string(5000, '[')).find("not YAML: ") != std::string::npos);
  CHECK(message_of(with("mode: live", "mode: " + std::string(100'000, 'x'))).size() < 2000);
}

TEST_CASE("a cycle of aliases is refused where it closes") {
  CHECK(message_of("cluster: a\nhead: a\nnodes: &n [*n]\n")
            .starts_with("yard.yaml:3:8: node 1 is a list, expected a map"));
  CHECK(message_of("cluster: &c {a: *c}\n") ==
        "yard.yaml:1:10: cluster file: 'cluster' is a map, expected a text");
  CHECK(message_of(with("roles: [camera]", "roles: &r [camera, *r]")) ==
        "yard.yaml:13:12: node 'cam': an entry of 'roles' is a list, expected a text");
}

TEST_CASE("a text in which yaml-cpp finds documents without end is refused all the same") {
  CHECK(message_of(",h").starts_with("yard.yaml:1:1: "));
  CHECK(message_of(with("mode: live", "mode: live\n,h")).starts_with("yard.yaml:"));
}

TEST_CASE("a file that is absent or too large is refused before it is read") {
  TemporaryFolder folder;
  auto absent = read_cluster_file(folder.file("absent.yaml"), variables);
  REQUIRE_FALSE(absent.ok());
  CHECK(absent.error().code == Code::not_found);
  CHECK(absent.error().message.find("absent.yaml") != std::string::npos);
  CHECK(read_cluster_file(folder.path(), variables).error().code == Code::not_found);

  std::ofstream(folder.file("large.yaml")) << std::string(limits::cluster_file_bytes_max + 1, '#');
  auto large = read_cluster_file(folder.file("large.yaml"), variables);
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().code == Code::over_limit);
}

TEST_CASE("the demo's cluster is two camera nodes and a cloud node on Unix sockets") {
  const std::filesystem::path file =
      std::filesystem::path(OMMA_SOURCE_DIR) / "clusters" / "demo.yaml";
  auto cluster = read_cluster_file(file, variables);
  if (!cluster.ok()) FAIL(cluster.error().describe());
  CHECK(cluster->head_node == "cloud");
  REQUIRE(cluster->nodes.size() == 3);
  for (const NodeSpec& node : cluster->nodes) {
    INFO(node.name);
    CHECK(node.listen_address == "unix:/run/omma/" + node.name + ".sock");
    CHECK(node.data_folder == "/run/omma/" + node.name);
    CHECK(node.model_folders ==
          std::vector<std::filesystem::path>{
              (std::filesystem::path(OMMA_SOURCE_DIR) / "models").lexically_normal()});
  }
  REQUIRE(cluster->cameras.size() == 2);
  CHECK(cluster->find_camera("east")->node == "cam-east");
  CHECK(cluster->find_camera("east")->source == "/data/east.mp4");
  CHECK(cluster->find_camera("west")->node == "cam-west");
  CHECK(cluster->find_camera("west")->source == "/data/west.mp4");
}

}  // namespace
}  // namespace omma
