#include "runtime/node/wire_checks.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "schemas/control.capnp.h"
#include "schemas/frame.capnp.h"

namespace omma {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(std::string(OMMA_SOURCE_DIR) + "/" + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("every struct of the control schema is checked at the door") {
  const std::string schema = text_of("schemas/control.capnp");
  const std::string table = text_of("runtime/node/wire_checks.cpp");
  const std::regex name("(?:^|\n)struct (\\w+)");
  unsigned count = 0;
  for (std::sregex_iterator found(schema.begin(), schema.end(), name), end; found != end; ++found) {
    INFO("runtime/node/wire_checks.cpp lacks wire::" << (*found)[1]);
    CHECK(std::regex_search(table, std::regex("wire::" + (*found)[1].str() + "[,>]")));
    ++count;
  }
  CHECK(count > 50);
}

TEST_CASE("a request that is not of its type's form is refused with its name") {
  const Message whole = Message::build<wire::Activate>(
      [](wire::Activate::Builder out) { out.initSpec().setType("tracker"); });
  CHECK(check_body(whole).ok());
  const Blob words = whole.flat_words();
  std::vector<std::byte> cut(words.bytes().begin(), words.bytes().end());
  cut.resize(cut.size() - 16);  // The segment table still promises all of them.
  cut[4] = static_cast<std::byte>(cut.size() / 8 - 1);
  const auto damaged = Message::from_wire(whole.type_id(), Blob::copy_of(cut), {});
  REQUIRE(damaged.ok());
  const auto checked = check_body(*damaged);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == Code::corrupt);
  CHECK(checked.error().message.starts_with("message Activate: "));
}

TEST_CASE("what is of no type of the control schema is left to whoever it is for") {
  CHECK(check_body(Message::build<FrameTag>([](FrameTag::Builder) {})).ok());
  CHECK(check_body(Message()).ok());
}

}  // namespace omma
