#include "runtime/media/codecs.hpp"

#include "runtime/media/ffmpeg_door.hpp"

namespace omma {
namespace {

std::string text_of(unsigned version) {
  return std::to_string(AV_VERSION_MAJOR(version)) + "." +
         std::to_string(AV_VERSION_MINOR(version)) + "." +
         std::to_string(AV_VERSION_MICRO(version));
}

}  // namespace

std::vector<LibraryVersion> ffmpeg_versions() {
  const auto library = [](const char* name, unsigned compiled, unsigned loaded) {
    return LibraryVersion{std::string("FFmpeg ") + name, text_of(compiled), text_of(loaded),
                          /*newer_fits=*/true};
  };
  return {library("libavcodec", LIBAVCODEC_VERSION_INT, avcodec_version()),
          library("libavformat", LIBAVFORMAT_VERSION_INT, avformat_version()),
          library("libavutil", LIBAVUTIL_VERSION_INT, avutil_version()),
          library("libswscale", LIBSWSCALE_VERSION_INT, swscale_version())};
}

bool has_decoder(const std::string& name) {
  return avcodec_find_decoder_by_name(name.c_str()) != nullptr;
}

bool has_encoder(const std::string& name) {
  return avcodec_find_encoder_by_name(name.c_str()) != nullptr;
}

}  // namespace omma
