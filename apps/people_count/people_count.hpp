// The people_count app, for main() to hand to the node.
#pragma once

#include "runtime/node/app.hpp"

#include <memory>

namespace omma {

std::unique_ptr<App> make_people_count_app();

}  // namespace omma
