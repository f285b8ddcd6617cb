#include "apps/omma/result_writer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.hpp"

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

// None when the line is no row.
std::optional<RowOrigin> origin_of(const nlohmann::json& line) {
  if (!line.is_object() || !line.contains("cursor") || !line["cursor"].is_number_unsigned() ||
      !line.contains("session") || !line["session"].is_string() || !line.contains("life") ||
      !line["life"].is_number_unsigned()) {
    return std::nullopt;
  }
  return RowOrigin{line["session"], line["life"]};
}

std::string text_of(const RowOrigin& origin) {
  return "session " + origin.session.substr(0, 8) + ", life " + std::to_string(origin.life);
}

}  // namespace

std::string json_line(const RowOrigin& origin, CursorResult::Reader result) {
  const auto row = result.getResult();
  nlohmann::ordered_json json{{"session", origin.session},
                              {"life", origin.life},
                              {"cursor", result.getCursor()},
                              {"kind", row.getKind().cStr()}};
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
  // A device may have no end, a pipe no beginning: neither can be continued.
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return Error{Code::invalid_argument,
                 path.string() + " is no regular file; choose another name for the rows"};
  }
  std::uintmax_t whole_bytes = 0;
  std::ifstream existing(path);
  for (std::string line; std::getline(existing, line);) {
    if (existing.eof()) break;  // No line end: cut off in mid-write.
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto origin = origin_of(json);
    if (!origin) {
      return Error{Code::corrupt, path.string() + " holds a line that is no result: '" +
                                      line.substr(0, 60) + "'; choose another file"};
    }
    if (origin_ && *origin_ != *origin) {
      return Error{Code::corrupt, path.string() + " holds rows of " + text_of(*origin_) +
                                      ", and of " + text_of(*origin) + "; choose another file"};
    }
    origin_ = origin;
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

Result<void> ResultWriter::check_origin(ResultBatch::Reader batch) {
  RowOrigin origin{ActorId{batch.getSessionHigh(), batch.getSessionLow()}.text(), batch.getLife()};
  if (origin_ && *origin_ != origin) {
    const std::string where = file_ ? path_.string() + " has rows" : "the rows so far are";
    return Error{Code::conflict, where + " of " + text_of(*origin_) + ", up to cursor " +
                                     std::to_string(last_cursor_) + ", and these are of " +
                                     text_of(origin) +
                                     (file_ ? "; choose another file" : "; follow it anew")};
  }
  origin_ = std::move(origin);
  return {};
}

Result<void> ResultWriter::write(ResultBatch::Reader batch) {
  if (auto same = check_origin(batch); !same) return same;
  const auto results = batch.getResults();
  if (results.size() == 0) return {};
  const auto failed = [this](const std::string& where) {
    const bool full = errno == ENOSPC || errno == EFBIG || errno == EDQUOT;
    return Error{full ? Code::over_limit : Code::unavailable,
                 "cannot write to " + where + ": " + std::strerror(errno) + "; rows up to cursor " +
                     std::to_string(last_cursor_) +
                     " are safe and the session keeps the rest: free space, then go on with omma "
                     "query"};
  };
  if (file_) {
    for (auto result : results) {
      const std::string line = json_line(*origin_, result) + "\n";
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
    std::puts(form_ == Form::json_lines ? json_line(*origin_, result).c_str()
                                        : table_line(result).c_str());
  }
  if (std::fflush(stdout) != 0) return failed("standard output");
  last_cursor_ = results[results.size() - 1].getCursor();
  return {};
}

}  // namespace omma
