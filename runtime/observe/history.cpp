#include "runtime/observe/history.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, channel_count> channel_names = {"control", "stream", "fresh"};
constexpr std::array<const char*, 3> beginning_names = {"anew", "moved", "taken_over"};
constexpr std::array<const char*, 4> ending_names = {"retired", "moved", "fenced", "stopped"};
constexpr std::array<const char*, 4> outcome_names = {"moved", "refused", "aborted", "taken_over"};

const char* name_of(Channel channel) {
  return channel_names.at(static_cast<std::size_t>(channel));
}

}  // namespace

class History::Line {
 public:
  Line(const History& history, const char* event)
      : json_{{"t", nanoseconds_of(history.clock_.now())}, {"e", event}} {}

  template <class Value>
  Line& with(const char* name, const Value& value) {
    json_[name] = value;
    return *this;
  }
  Line& of(const ActorRecord& record) {
    return with("id", record.id.text()).with("epoch", record.epoch).with("life", record.life);
  }
  Line& of(const Numbers& numbers) {
    Json in = Json::array();
    for (const In& each : numbers.in) {
      in.push_back({each.sender.text(), each.sender_life, name_of(each.channel), each.processed});
    }
    Json out = Json::array();
    for (const Out& each : numbers.out) {
      out.push_back({each.target.text(), each.target_life, name_of(each.channel), each.acknowledged,
                     each.last});
    }
    return with("in", in).with("out", out);
  }
  // Bytes that are no UTF-8 become U+FFFD.
  std::string text() const {
    return json_.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  Json json_;
};

Result<std::shared_ptr<History>> History::open(const std::filesystem::path& file,
                                               const NodeId& self, const Clock& clock) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return Error{Code::unavailable,
                 "history file " + file.string() + " cannot be written: " + std::strerror(errno)};
  }
  const off_t end = ::lseek(descriptor, 0, SEEK_END);
  std::shared_ptr<History> history(
      new History(descriptor, end < 0 ? 0 : static_cast<std::uint64_t>(end), clock));
  history->append(Line(*history, "started")
                      .with("node", self.name)
                      .with("incarnation", self.incarnation.text())
                      .text());
  return history;
}

History::~History() {
  ::close(file_);
}

void History::begun(const ActorRecord& record, Beginning how, const Numbers& from) {
  append(Line(*this, "begun")
             .of(record)
             .with("type", record.type)
             .with("how", beginning_names.at(static_cast<std::size_t>(how)))
             .of(from)
             .text());
}

void History::ended(const ActorRecord& record, Ending how) {
  append(Line(*this, "ended")
             .of(record)
             .with("how", ending_names.at(static_cast<std::size_t>(how)))
             .text());
}

void History::frozen(const ActorRecord& record, std::string_view to, const Numbers& numbers) {
  append(Line(*this, "frozen").of(record).with("to", to).of(numbers).text());
}

void History::thawed(const ActorRecord& record) {
  append(Line(*this, "thawed").of(record).text());
}

void History::move_ended(const MoveRecord& move) {
  append(Line(*this, "move")
             .with("id", move.id.text())
             .with("type", move.type)
             .with("from", move.from)
             .with("to", move.to)
             .with("outcome", outcome_names.at(static_cast<std::size_t>(move.outcome)))
             .with("reason", move.reason)
             .with("pause", move.pause.count())
             .with("bytes", move.bytes)
             .text());
}

void History::staged(const ActorRecord& record) {
  append(Line(*this, "staged").of(record).text());
}

void History::unstaged(const ActorRecord& record, std::string_view why) {
  append(Line(*this, "unstaged").of(record).with("why", why).text());
}

void History::checkpoint(const ActorRecord& record, std::uint64_t number, bool keeps_life,
                         const Numbers& numbers) {
  append(Line(*this, "checkpoint")
             .of(record)
             .with("number", number)
             .with("keeps_life", keeps_life)
             .of(numbers)
             .text());
}

void History::kept(const ActorId& id, std::uint64_t epoch, std::uint64_t number, bool saved) {
  append(Line(*this, "kept")
             .with("id", id.text())
             .with("epoch", epoch)
             .with("number", number)
             .with("saved", saved)
             .text());
}

void History::fenced(bool on) {
  append(Line(*this, "fenced").with("on", on).text());
}

void History::stopped() {
  append(Line(*this, "stopped").text());
}

std::uint64_t History::lines_lost() const {
  std::lock_guard lock(mutex_);
  return lines_lost_;
}

void History::append(const std::string& line) {
  std::lock_guard lock(mutex_);
  if (bytes_ + line.size() > limits::history_file_bytes_max) {
    ++lines_lost_;
    return;
  }
  // A line cut short by a full disk is one that the checker cannot read; it says so.
  const ssize_t written = ::write(file_, line.data(), line.size());
  if (written > 0) bytes_ += static_cast<std::uint64_t>(written);
  if (written != static_cast<ssize_t>(line.size())) ++lines_lost_;
}

}  // namespace omma
