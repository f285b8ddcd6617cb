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
// What a move carries and a checkpoint keeps: the state, and the messages that are on their way.
inline constexpr std::size_t moved_bytes_max = std::size_t{128} << 20;
// Of one durable actor, on average: what a disk and a link carry beside their other work. A full
// window of pictures then comes at most eight times a second.
inline constexpr std::size_t checkpoint_bytes_per_second = std::size_t{64} << 20;
// A saved actor's messages and their payloads: all streams' unacknowledged and waiting ones.
inline constexpr std::size_t snapshot_blobs_max = std::size_t{1} << 20;
// A snapshot travels in pieces on the bulk lane, so that a frame behind one waits for little; so
// many are under way that a link of 20 ms and 1 GB/s stays full.
inline constexpr std::size_t move_piece_bytes = std::size_t{256} << 10;
inline constexpr std::size_t move_pieces_open_max = 64;
// Snapshots that a node takes in at a time: each is memory that the source's word reserves.
inline constexpr std::size_t moves_staged_max = 64;
// Between two snapshots kept for restart, the messages that are replayed instead.
inline constexpr std::size_t replay_messages_max = 32;
inline constexpr std::size_t replay_bytes_max = std::size_t{1} << 20;

// --- One node ------------------------------------------------------------------------------------
inline constexpr std::size_t actors_per_node_max = 1'000'000;
// Actors of dead nodes that are being given a new node at a time: each reads a checkpoint.
inline constexpr std::size_t fail_overs_open_max = 64;
// Dead nodes that a renewal tells of: more at once, and the rest is found by asking the directory.
inline constexpr std::size_t lost_nodes_told_max = 256;
// Moves that `omma drain` has under way at a time: each holds a snapshot at both ends.
inline constexpr std::size_t drain_moves_open_max = 8;
// Rounds of a drain: a move that came to nothing is planned anew, as the directory is by then.
inline constexpr unsigned drain_rounds_max = 3;
inline constexpr std::size_t executor_queue_jobs_max = 4096;
inline constexpr std::size_t idle_buffer_bytes_max = std::size_t{256} << 20;
// The latest hops of frames that a node keeps, 104 bytes each: with 20 hops a frame the last ten
// seconds of a pipeline that does 300 frames a second.
inline constexpr std::size_t trace_hops_max = 65'536;
// Of one frame, that one node tells: many times what any pipeline has.
inline constexpr std::size_t trace_hops_told_max = 512;
// Frames whose times one node tells when the slowest are asked for: 40 bytes each in a reply.
inline constexpr std::size_t trace_frames_told_max = 8192;
inline constexpr std::size_t trace_slowest_max = 100;
// Round trips to the head that the difference of two clocks is taken from: two minutes' worth.
inline constexpr std::size_t clock_samples_max = 64;
// How fast two clocks may part: quartz is good for 25 millionths either way.
inline constexpr std::int64_t clock_drift_per_million = 50;

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
// Connections to a node's metrics: a scraper or two, and somebody with a browser.
inline constexpr std::size_t page_clients_max = 16;
// Parts of a call that are sent from where they lie, each as a Cap'n Proto segment of its own; its
// readers take no message of 512 segments.
inline constexpr std::size_t link_call_references_max = 384;
// The memory that a node's pictures lie in for its peers on the same machine to read: as much as a
// pool keeps idle, or ten 4K frames at work. What does not fit is sent.
inline constexpr std::size_t arena_bytes = idle_buffer_bytes_max;
// A peer's may be this large: what mapping it costs is addresses.
inline constexpr std::size_t arena_bytes_max = std::size_t{4} << 30;
// A smaller payload is sent sooner than it is lent: some 10 us, as much as the loan's return.
inline constexpr std::size_t arena_payload_bytes_min = std::size_t{64} << 10;
// A payload that does not lie in the arena is copied into it by the event loop, which does nothing
// else meanwhile: 1 to 2 ms.
inline constexpr std::size_t arena_copy_bytes_max = std::size_t{8} << 20;
// Open loans of one peer: their numbers, of 8 bytes, all fit into a pipe of one page.
inline constexpr std::size_t arena_loans_max = 512;
// Lent to one peer: another must find room beside one that gives nothing back.
inline constexpr std::size_t arena_lent_bytes_max = arena_bytes / 2;
// Connections that memory was shared with and that have not let go of it, a pipe each.
inline constexpr std::size_t arena_borrowers_max = 256;
// Replies to one connection that it has not read; past it the other side is taken for stuck and is
// hung up on. Two of the largest fit.
inline constexpr std::size_t link_unread_bytes_max = 2 * link_call_bytes_max;
// Before a connection has said who it is, no call larger than this is read from it.
inline constexpr std::size_t link_hello_bytes_max = std::size_t{16} << 10;
// A larger request travels the bulk lane, behind pictures instead of before acknowledgements.
inline constexpr std::size_t control_request_bytes_max = std::size_t{64} << 10;
// Requests from one node to another's door, or from one connection, that have no answer yet.
inline constexpr std::size_t link_requests_open_max = 4096;

// --- Directory, results, files -------------------------------------------------------------------
inline constexpr std::size_t actor_config_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t name_bytes_max = 256;
// Requests to the directory that wait for the transaction before theirs; at 5,000 a second it is
// less than a second's worth.
inline constexpr std::size_t directory_requests_waiting_max = 4096;
// Struct plus payloads of those: two full batches of checkpoints.
inline constexpr std::size_t directory_bytes_waiting_max = std::size_t{256} << 20;
// A node's actors of one beat, in one transaction; a node with more sends several.
inline constexpr std::size_t checkpoints_per_batch_max = 1024;
// They travel as one payload, each state from a multiple of 64 bytes on.
inline constexpr std::size_t checkpoint_batch_bytes_max = payload_bytes_max;
// Somebody pinned each by hand; all of them fit into one reply.
inline constexpr std::size_t pinned_actors_max = 10'000;
// The log of moves is for people: at 20 moves a second the last eight minutes.
inline constexpr std::size_t moves_kept_max = 10'000;
// A reply of them stays below message_struct_bytes_max, however long their names are.
inline constexpr std::size_t moves_per_reply_max = 500;
inline constexpr std::size_t move_reason_bytes_max = 512;
// Actors in one page of a listing, and names looked up in one request: a transaction that others
// wait for takes a few milliseconds more.
inline constexpr std::size_t actors_per_page_max = 1024;
// Structs in a reply that lists records: the rest of the message limit is for what frames them.
inline constexpr std::size_t listed_records_bytes_max = message_struct_bytes_max / 2;
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
// A model that a node lacks comes from a peer in pieces: small enough not to delay the pictures
// that share the link's bulk lane, and 30 of them are a detector.
inline constexpr std::size_t blob_chunk_bytes = std::size_t{1} << 20;
// Models that came from peers, on a node's disk; past it the one used longest ago goes.
inline constexpr std::size_t model_cache_bytes_max = std::size_t{8} << 30;
// An app module is an app's own code, some 200 KB, and what debuggers want to know of it.
inline constexpr std::size_t app_module_bytes_max = std::size_t{64} << 20;
// App modules on a node's disk, its own copies included.
inline constexpr std::size_t app_module_cache_bytes_max = std::size_t{1} << 30;
// A module is never unloaded. Somebody wrote each of its apps.
inline constexpr std::size_t app_modules_max = 256;
// Tries to load a network whose model no peer could be asked for: they may be starting.
inline constexpr unsigned model_load_attempts_max = 20;
// Networks made ready for shards that are about to move here: one has some 200 MB.
inline constexpr std::size_t warm_detectors_max = 4;
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
// What is skipped of one source is told so often; after that the counters have to do.
inline constexpr std::size_t damages_logged_max = 20;
// A synthetic scene's objects: each is drawn into every frame.
inline constexpr int scene_objects_max = 256;
// A node's log in all: so many files of this size, then the oldest goes.
inline constexpr std::size_t log_file_bytes_max = std::size_t{16} << 20;
inline constexpr std::size_t log_files_max = 4;
// A history of a test that ran for hours; what comes later is counted and not written.
inline constexpr std::size_t history_file_bytes_max = std::size_t{4} << 30;
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
// A node that is silent this long, and a sixth of it more, is declared dead; see
// protocol/lease.hpp. The head's own restart must fit in.
inline constexpr std::chrono::nanoseconds lease_ttl = 6s;
// Between two looks at all leases: each reads the directory.
inline constexpr std::chrono::nanoseconds lease_look_min = 50ms;
// A lease below this would be lost to a busy disk; above, a dead node's actors are away too long.
inline constexpr std::chrono::nanoseconds lease_configured_min = 200ms;
inline constexpr std::chrono::nanoseconds lease_configured_max = 10min;
// A turn that takes this long keeps a thread of its node: somebody is told its name.
inline constexpr std::chrono::nanoseconds turn_alarm_after = 1s;
// Between two looks at all turns: each costs a microsecond.
inline constexpr std::chrono::nanoseconds turn_look_interval = 250ms;
inline constexpr std::chrono::nanoseconds reconnect_delay_min = 50ms;
inline constexpr std::chrono::nanoseconds reconnect_delay_max = 2s;
inline constexpr std::chrono::nanoseconds request_timeout = 10s;
// What a crash takes from an actor that is not durable is at most what this much time brought.
inline constexpr std::chrono::nanoseconds checkpoint_interval = 1s;
// A durable actor's outputs wait for a checkpoint, so they come often; one commit at the head
// serves all that came meanwhile.
inline constexpr std::chrono::nanoseconds durable_checkpoint_interval = 20ms;
inline constexpr std::chrono::nanoseconds checkpoint_retry_delay = 500ms;
// Between two rounds of a drain, times the number of rounds so far: the last one comes after a
// target that died has been declared dead.
inline constexpr std::chrono::nanoseconds drain_retry_delay = 3s;
// In live mode a recorded picture waits no longer for its tracks: they were dropped on their way.
inline constexpr std::chrono::nanoseconds recorder_tracks_wait = 2s;
// A move, before the pause: the target may have to fetch and load a network.
inline constexpr std::chrono::nanoseconds move_reserve_patience = 30s;
// The pause itself: past it the source takes the actor back; past the alarm it says that it cannot.
inline constexpr std::chrono::nanoseconds move_freeze_budget = 500ms;
inline constexpr std::chrono::nanoseconds move_alarm_after = 2s;
// The directory was not reached: asked again after this long.
inline constexpr std::chrono::nanoseconds move_retry_delay = 200ms;
// The target heard nothing more of a snapshot that had begun to come.
inline constexpr std::chrono::nanoseconds move_stage_patience = 1s;
// A live camera that goes on from its last checkpoint repeats about this many frames at most: a
// second at 30 frames a second is between two checkpoints, and a node is given up within some ten.
inline constexpr std::uint64_t repeated_frames_max = 1024;
// A network made ready for a shard that does not come is kept this long.
inline constexpr std::chrono::nanoseconds warm_detector_keep = 60s;
// A stage that nobody subscribes to lives on this long, in case somebody asks again.
inline constexpr std::chrono::nanoseconds stage_linger = 5s;

}  // namespace omma::limits
