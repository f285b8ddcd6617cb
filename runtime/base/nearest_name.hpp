// Suggests what somebody who mistyped a name may have meant.
//
// Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace omma {

// The known name within the smallest edit distance of `wanted` (a change, an insertion, a removal
// or a swap of neighbours counts 1; the first of equals), where that is at most a third of its
// length and 1 at least. Failing that, the only known name that contains `wanted`. Failing that,
// nothing: a far-fetched guess is worse than none.
std::optional<std::string> nearest_name(std::string_view wanted,
                                        std::span<const std::string> known);

// "; did you mean 'roles'" or, without a near name, "; known are 'a', 'b'" ("" if none is known):
// the end of a message about an unknown name.
std::string suggestion_for(std::string_view wanted, std::span<const std::string> known);

}  // namespace omma
