#include "runtime/media/ffmpeg_door.hpp"

extern "C" {
#include <libavutil/log.h>
#include <libavutil/opt.h>
}

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace omma::ffmpeg {
namespace {

thread_local std::string last_complaint;

void keep_complaint(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 256> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string text(line.data());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '.')) {
    text.pop_back();
  }
  if (!text.empty()) last_complaint = std::move(text);
}

}  // namespace

void keep_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(keep_complaint); });
}

void forget_complaint() {
  last_complaint.clear();
}

std::string describe(int averror) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> words{};
  av_strerror(averror, words.data(), words.size());
  std::string text(words.data());
  if (!last_complaint.empty()) text += " (" + last_complaint + ")";
  return text;
}

Result<void> set_option(void* object, const char* name, const std::string& value) {
  forget_complaint();
  const int status = av_opt_set(object, name, value.c_str(), AV_OPT_SEARCH_CHILDREN);
  if (status >= 0) return {};
  return Error{Code::invalid_argument,
               std::string("encoder option ") + name + "=" + value + ": " + describe(status)};
}

}  // namespace omma::ffmpeg
