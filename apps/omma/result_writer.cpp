#include "apps/omma/result_writer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace omma {
namespace {

nlohmann::ordered_json value_of(Field::Value::Reader value) {
  switch (value.which()) {
    case Field::Value::TEXT:
      return value.getText().cStr();
    case Field::Value::INTEGER:
      return value.getInteger();
    case Field::Value::REAL:
      return value.getReal();
    case Field::Value::FLAG:
      return value.getFlag();
  }
  return nullptr;
}

}  // namespace

std::string json_line(CursorResult::Reader result) {
  const auto row = result.getResult();
  nlohmann::ordered_json json{{"cursor", result.getCursor()}, {"kind", row.getKind().cStr()}};
  const auto tag = row.getTag();
  if (tag.getCamera().size() > 0) {
    json["camera"] = tag.getCamera().cStr();
    json["frame"] = tag.getSequence();
    json["media_s"] = static_cast<double>(tag.getMediaNs() / 1'000'000) / 1e3;
  }
  if (tag.getError().size() > 0) json["error"] = tag.getError().cStr();
  for (auto field : row.getFields()) json[field.getName().cStr()] = value_of(field.getValue());
  return json.dump();
}

std::string table_line(CursorResult::Reader result) {
  const auto row = result.getResult();
  const auto tag = row.getTag();
  char head[128];
  std::snprintf(head, sizeof head, "%8llu  %-12s %7llu  %-10s",
                static_cast<unsigned long long>(result.getCursor()), tag.getCamera().cStr(),
                static_cast<unsigned long long>(tag.getSequence()), row.getKind().cStr());
  std::string line = head;
  for (auto field : row.getFields()) {
    const auto value = value_of(field.getValue());
    line += "  " + std::string(field.getName().cStr()) + "=" +
            (value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (tag.getError().size() > 0) line += "  error=" + std::string(tag.getError().cStr());
  return line;
}

Result<void> ResultWriter::open_file(const std::filesystem::path& path) {
  path_ = path;
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  std::uintmax_t whole_bytes = 0;
  std::ifstream existing(path);
  for (std::string line; std::getline(existing, line);) {
    if (existing.eof()) break;  // No line end: cut off in mid-write.
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("cursor")) {
      return Error{Code::corrupt, path.string() + " holds a line that is no result: '" +
                                      line.substr(0, 60) + "'; choose another file"};
    }
    last_cursor_ = json["cursor"];
    whole_bytes += line.size() + 1;
  }
  existing.close();
  if (std::filesystem::exists(path, failed))
    std::filesystem::resize_file(path, whole_bytes, failed);
  file_.reset(std::fopen(path.c_str(), "a"));
  if (!file_ || failed) {
    return Error{Code::unavailable, "cannot write " + path.string() + ": " +
                                        (failed ? failed.message() : std::strerror(errno))};
  }
  return {};
}

Result<void> ResultWriter::write(capnp::List<CursorResult>::Reader results) {
  if (results.size() == 0) return {};
  const auto failed = [](const std::string& where) {
    return Error{Code::unavailable, "cannot write to " + where + ": " + std::strerror(errno)};
  };
  if (file_) {
    for (auto result : results) {
      const std::string line = json_line(result) + "\n";
      if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
        return failed(path_.string());
      }
    }
    // On the disk before anybody is told that it is there.
    if (std::fflush(file_.get()) != 0 || ::fdatasync(::fileno(file_.get())) != 0) {
      return failed(path_.string());
    }
  }
  for (auto result : results) {
    if (silent_ || (!kinds_.empty() && !kinds_.contains(result.getResult().getKind().cStr()))) {
      continue;
    }
    std::puts(form_ == Form::json_lines ? json_line(result).c_str() : table_line(result).c_str());
  }
  if (std::fflush(stdout) != 0) return failed("standard output");
  last_cursor_ = results[results.size() - 1].getCursor();
  return {};
}

}  // namespace omma
