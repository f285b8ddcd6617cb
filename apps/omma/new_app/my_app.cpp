// The app: how a query, `omma run my_app --period-ms 50`, becomes the configuration of an actor.
#include "my_app.hpp"

OMMA_APP_MODULE(omma::make_app<my_app::MyApp, my_app::Pulse>(
    "my_app", "adds up the beats of a pulse",
    [](omma::AppQuery& query, my_app::MyAppConfig::Builder config) {
      auto pulse = config.initPulse();
      pulse.setName(query.text("name", "heart", "what tells this pulse from others"));
      const double period = query.number("period-ms", 100, "time between two beats");
      const double beats = query.number("beats", 10, "how many, then it ends");
      pulse.setPeriodMs(static_cast<std::uint32_t>(period));
      pulse.setBeats(static_cast<std::uint32_t>(beats));
    }));
