#include "apps/omma/result_writer.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace omma::test {
namespace {

const ActorId tuesday{0xabcd, 0x1234};
const ActorId wednesday{0xabcd, 0x9999};

Message batch(const ActorId& session, std::uint64_t life, std::uint64_t first, unsigned count) {
  return Message::build<ResultBatch>([&](ResultBatch::Builder out) {
    out.setSessionHigh(session.high);
    out.setSessionLow(session.low);
    out.setLife(life);
    auto results = out.initResults(count);
    for (unsigned i = 0; i < count; ++i) {
      results[i].setCursor(first + i);
      results[i].initResult().setKind("crossing");
    }
  });
}

ResultWriter writer_to(const std::filesystem::path& path) {
  ResultWriter writer(ResultWriter::Form::json_lines, {});
  writer.be_silent();
  const auto opened = writer.open_file(path);
  INFO((opened ? "" : opened.error().describe()));
  REQUIRE(opened.ok());
  return writer;
}

std::vector<nlohmann::json> rows_in(const std::filesystem::path& path) {
  std::vector<nlohmann::json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

}  // namespace

TEST_CASE("each row names itself by session, life and cursor") {
  const TemporaryFolder folder;
  const auto path = folder.file("rows.jsonl");
  {
    ResultWriter writer = writer_to(path);
    REQUIRE(writer.write(batch(tuesday, 3, 7, 2).as<ResultBatch>()).ok());
  }
  const auto rows = rows_in(path);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1] ==
        nlohmann::json{
            {"session", tuesday.text()}, {"life", 3}, {"cursor", 8}, {"kind", "crossing"}});
}

TEST_CASE("a file goes on where it ended, with a half line cut off") {
  const TemporaryFolder folder;
  const auto path = folder.file("rows.jsonl");
  {
    ResultWriter writer = writer_to(path);
    REQUIRE(writer.write(batch(tuesday, 1, 1, 2).as<ResultBatch>()).ok());
  }
  std::ofstream(path, std::ios::app) << R"({"session":"ab)";
  {
    ResultWriter writer = writer_to(path);
    CHECK(writer.last_cursor() == 2);
    REQUIRE(writer.write(batch(tuesday, 1, 3, 1).as<ResultBatch>()).ok());
  }
  const auto rows = rows_in(path);
  REQUIRE(rows.size() == 3);
  CHECK(rows[2]["cursor"] == 3);
}

TEST_CASE("a file does not go on with another session's rows, nor with another life's") {
  const TemporaryFolder folder;
  const auto path = folder.file("rows.jsonl");
  {
    ResultWriter writer = writer_to(path);
    REQUIRE(writer.write(batch(tuesday, 1, 1, 2).as<ResultBatch>()).ok());
  }
  for (const Message& other :
       {batch(wednesday, 1, 3, 1), batch(tuesday, 5, 3, 1), batch(tuesday, 5, 3, 0)}) {
    ResultWriter writer = writer_to(path);
    const auto refused = writer.write(other.as<ResultBatch>());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().message.find("up to cursor 2") != std::string::npos);
    CHECK(writer.last_cursor() == 2);
  }
  CHECK(rows_in(path).size() == 2);
}

TEST_CASE("a file whose rows are of two sessions is not opened") {
  const TemporaryFolder folder;
  const auto path = folder.file("rows.jsonl");
  std::ofstream(path) << R"({"session":"a","life":1,"cursor":1})" << '\n'
                      << R"({"session":"b","life":1,"cursor":2})" << '\n';
  ResultWriter writer(ResultWriter::Form::json_lines, {});
  const auto opened = writer.open_file(path);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == Code::corrupt);
}

TEST_CASE("a line without a session is no row") {
  const TemporaryFolder folder;
  const auto path = folder.file("rows.jsonl");
  std::ofstream(path) << R"({"cursor":1,"kind":"end"})" << '\n';
  ResultWriter writer(ResultWriter::Form::json_lines, {});
  const auto opened = writer.open_file(path);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == Code::corrupt);
  CHECK(opened.error().message.find("no result") != std::string::npos);
}

}  // namespace omma::test
