// Every named maximum of the runtime, with its reason. What passes a limit is refused with the
// thing, the number and the limit, before memory is allocated for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace omma::limits {

// --- One message ---------------------------------------------------------------------------------
// A struct is metadata: boxes, names, numbers. 1 MiB holds 20,000 detections.
inline constexpr std::size_t message_struct_bytes_max = std::size_t{1} << 20;
// One uncompressed 8K RGB frame is 100 MB; a model's weights may be as large.
inline constexpr std::size_t payload_bytes_max = std::size_t{128} << 20;
// Planes of a picture, live tensors of a cut, or the parts of a model.
inline constexpr std::size_t payloads_per_message_max = 16;
// Struct plus payloads.
inline constexpr std::size_t message_bytes_max = message_struct_bytes_max + payload_bytes_max;

// --- One stream (sender, target, channel) --------------------------------------------------------
// What may be on its way and unprocessed: about 16 frames of a 448x336 detector input, so that a
// batch and its successor are always at hand, and a hop adds a bounded age.
inline constexpr std::size_t stream_window_bytes = std::size_t{8} << 20;
// Detections and tracks are small; what is on its way is counted in frames by whoever waits. 64 KiB
// is 100 frames of a quiet street and two of the busiest.
inline constexpr std::size_t findings_window_bytes = std::size_t{64} << 10;
// A recorder's pictures are full-size and wait for their tracks: 32 MiB is a second of 768x576 at
// 25 frames a second, which is longer than a batch and its successor take.
inline constexpr std::size_t recorder_window_bytes = std::size_t{32} << 20;
// What a message counts at least against the window: its envelope and its place in the queues.
inline constexpr std::size_t credit_bytes_min = 64;
// A fresh stream keeps this much waiting beyond the window; the oldest goes first.
inline constexpr std::size_t fresh_waiting_bytes_max = std::size_t{8} << 20;
inline constexpr std::size_t fresh_waiting_messages_max = 64;
// A reliable stream refuses past this: the sender is held back long before (see Outbox::blocked).
inline constexpr std::size_t reliable_waiting_bytes_max = std::size_t{256} << 20;
inline constexpr std::size_t reliable_waiting_messages_max = 65'536;
// A reliable stream that has this much waiting asks its actor to take no more stream input.
inline constexpr std::size_t backpressure_waiting_messages = 4;
// Unacknowledged messages, however small: bounds what a resend repeats.
inline constexpr std::size_t unacknowledged_messages_max = 4096;
// Messages that arrive early (higher number than awaited) and are kept instead of dropped.
inline constexpr std::size_t reorder_messages_max = 64;

// --- One actor -----------------------------------------------------------------------------------
// A message that fails this often is set aside with its error.
inline constexpr unsigned attempts_max = 3;
inline constexpr std::size_t set_aside_messages_max = 16;
// A turn's effects: what one message may cause.
inline constexpr std::size_t sends_per_turn_max = 4096;
inline constexpr std::size_t timers_per_actor_max = 1024;
inline constexpr std::size_t subscribers_per_outlet_max = 1024;
inline constexpr std::size_t open_requests_per_actor_max = 4096;
inline constexpr std::size_t async_jobs_per_actor_max = 64;
// The state that an actor is restarted from; a larger one makes the turn that grew it fail.
inline constexpr std::size_t snapshot_bytes_max = std::size_t{64} << 20;
// Between two snapshots kept for restart, the messages that are replayed instead.
inline constexpr std::size_t replay_messages_max = 32;
inline constexpr std::size_t replay_bytes_max = std::size_t{1} << 20;

// --- One node ------------------------------------------------------------------------------------
inline constexpr std::size_t actors_per_node_max = 1'000'000;
inline constexpr std::size_t executor_queue_jobs_max = 4096;
inline constexpr std::size_t idle_buffer_bytes_max = std::size_t{256} << 20;

// --- One link ------------------------------------------------------------------------------------
// Envelopes in one call: one call a message caps at 24,000 messages a second.
inline constexpr std::size_t batch_envelopes_max = 1024;
// A batch is closed at this size so that a ping behind it waits for little.
inline constexpr std::size_t batch_bytes_max = std::size_t{8} << 20;
// A batch that one envelope fills alone may be this large, and no call larger is read.
inline constexpr std::size_t link_call_bytes_max = message_bytes_max + (std::size_t{1} << 20);
// Calls that wait for their answer, a lane.
inline constexpr std::size_t calls_in_flight_max = 2;
// What waits for one peer in the link; past it the link refuses and the outbox keeps.
inline constexpr std::size_t link_queue_bytes_max = std::size_t{64} << 20;
inline constexpr std::size_t peers_max = 1024;
inline constexpr std::size_t clients_max = 256;
// Parts of a call that are sent from where they lie, each as a Cap'n Proto segment of its own; its
// readers take no message of 512 segments.
inline constexpr std::size_t link_call_references_max = 384;
// Before a connection has said who it is, no call larger than this is read from it.
inline constexpr std::size_t link_hello_bytes_max = std::size_t{16} << 10;
// Requests from one node to another's door, or from one connection, that have no answer yet.
inline constexpr std::size_t link_requests_open_max = 4096;

// --- Directory, results, files -------------------------------------------------------------------
inline constexpr std::size_t actor_config_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t name_bytes_max = 256;
// A role is a word in a cluster file; a person wrote them.
inline constexpr std::size_t roles_per_node_max = 16;
// A cluster file of a thousand nodes and ten thousand cameras is about this large.
inline constexpr std::size_t cluster_file_bytes_max = std::size_t{1} << 20;
// More threads than any one machine's executors use well.
inline constexpr unsigned executor_threads_max = 256;
inline constexpr std::size_t session_results_max = 65'536;
inline constexpr std::size_t results_per_reply_max = 1024;
inline constexpr std::size_t model_file_bytes_max = std::size_t{1} << 30;
// A card is a page of JSON; what is larger is another file.
inline constexpr std::size_t model_card_bytes_max = std::size_t{64} << 10;
// Frames of one run of a network: past 32 a GPU gains nothing more, and 32 inputs of 1024x1024
// float32 are 400 MB already.
inline constexpr std::size_t batch_frames_max = 32;
// Frames that wait for one network, over all its streams: far more than the streams' windows let in
// unless hundreds of streams share it; the rest then waits its turn in the shard.
inline constexpr std::size_t shard_frames_waiting_max = 4096;
// Idle memory of tensors that is kept for the next run: a batch of 32 at 512x512 needs 2 GB in all
// and has about half of it idle at a time.
inline constexpr std::size_t tensor_idle_bytes_max = std::size_t{1} << 30;
// Threads of one run: more than a large machine's cores is a mistyped number.
inline constexpr int network_threads_max = 256;
inline constexpr int frame_width_max = 8192;
inline constexpr int frame_height_max = 8192;
// Coded pictures whose decoded form has not come out; H.264 holds back 16 at most, the rest is
// damage. The oldest is then counted as lost.
inline constexpr std::size_t undecoded_packets_max = 1024;
// Places in a video from which decoding may start; past it every second one is forgotten, and
// seeking only takes longer.
inline constexpr std::size_t restart_points_max = 65'536;
// Failures to read a video with nothing readable between them: past it the source is given up.
inline constexpr unsigned unreadable_in_a_row_max = 16;
// A synthetic scene's objects: each is drawn into every frame.
inline constexpr int scene_objects_max = 256;
// A node's log in all: so many files of this size, then the oldest goes.
inline constexpr std::size_t log_file_bytes_max = std::size_t{16} << 20;
inline constexpr std::size_t log_files_max = 4;
// One message or one field's value in the log; the rest is cut off and its length named.
inline constexpr std::size_t log_text_bytes_max = 8192;

// --- Times ---------------------------------------------------------------------------------------
using namespace std::chrono_literals;
// No acknowledgement for this long: probe, then resend. Grows by half each time up to the maximum.
inline constexpr std::chrono::nanoseconds resend_after = 500ms;
inline constexpr std::chrono::nanoseconds resend_after_max = 5s;
// A sender asks the directory again after this many silent resends.
inline constexpr unsigned silent_resends_before_lookup = 3;
inline constexpr std::chrono::nanoseconds heartbeat_interval = 500ms;
inline constexpr std::chrono::nanoseconds suspect_after = 2s;
inline constexpr std::chrono::nanoseconds reconnect_delay_min = 50ms;
inline constexpr std::chrono::nanoseconds reconnect_delay_max = 2s;
inline constexpr std::chrono::nanoseconds request_timeout = 10s;
// In live mode a recorded picture waits no longer for its tracks: they were dropped on their way.
inline constexpr std::chrono::nanoseconds recorder_tracks_wait = 2s;
// A stage that nobody subscribes to lives on this long, in case somebody asks again.
inline constexpr std::chrono::nanoseconds stage_linger = 5s;

}  // namespace omma::limits
