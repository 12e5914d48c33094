// What PartWriter and PartReader must say alike: see part_frames.h.
#pragma once

#include <cstdint>

namespace granary::api {

inline constexpr std::uint16_t kPartFramesVersion = 1;

inline constexpr std::uint8_t kStartFrame = 1;
inline constexpr std::uint8_t kColumnsFrame = 2;
inline constexpr std::uint8_t kRowsFrame = 3;
inline constexpr std::uint8_t kStatesFrame = 4;
inline constexpr std::uint8_t kEndFrame = 5;

}  // namespace granary::api
