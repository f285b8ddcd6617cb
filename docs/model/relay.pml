/* An actor that moves and fails over, with a numbered stream into it and one out of it.

   source --1..N--> relay --1..N--> sink          source and sink stay where they are

   The relay's turn on input s makes output s; what is in it may depend on anything (a clock, the
   order of other inputs), so each turn chooses a bit. The state of an activation is what the next
   input is, what the user's state has counted, and the outbox.

   The network is the worst there is: each packet may be lost, come twice, late, in any order, at any
   host. So a packet once sent may arrive for ever, and no channel is needed:
   - a host may see any input that the source may have sent so far (1 .. base+W-1);
   - cumulative acknowledgements are as strong as the highest ever sent;
   - the sink may take any output ever sent under the number it waits for.
   Who finds the way to whom is therefore left out here: pair.pml has that.

   -D variants   DURABLE  acknowledgements and outputs wait for a checkpoint (output commit)
                 CRASH    a host's process may die
                 SUSPECT  a host may be declared dead while it only pauses; it goes on, not knowing
   -D mutants    MUT_UNFREEZE      the source of a move goes on after a time-out, without the CAS
                 MUT_NOABORT       the source of a move waits for the target for ever
                 MUT_NOCAS         the target of a move begins without the CAS
                 MUT_EXPIRE        the target drops what is staged without reading the directory
                 MUT_NODEDUP       the snapshot lacks the inbox's numbers
                 MUT_NOOUTBOX      the snapshot lacks the outbox's messages
                 MUT_NONUMBERS     the snapshot lacks the outbox's numbers
                 MUT_COVERED       a moved actor takes its whole state for checkpointed
                 MUT_ACKEARLY      acknowledged before the checkpoint
                 MUT_OUTEARLY      sent before the checkpoint
                 MUT_CKPTNOFENCE   a checkpoint is saved whoever sends it
                 MUT_CKPTNONODE    a checkpoint is saved although its node was declared dead
*/
#ifndef N
#define N 2          /* inputs */
#endif
#ifndef H
#define H 2          /* hosts */
#endif
#ifndef MOVES
#define MOVES 2      /* moves begun at most */
#endif
#ifndef FAULTS
#define FAULTS 1     /* crashes and wrong suspicions together, at most */
#endif
#ifndef W
#define W 2          /* the source's window, in messages */
#endif
#define M (N + 1)    /* numbers begin at 1 */

mtype = { NONE, ACTIVE, FROZEN, STAGED, TAKING, GONE };

/* An activation: one a host. */
typedef Activation {
  byte epoch;        /* STAGED, TAKING: the epoch that the CAS expects */
  byte next;         /* inbox: the next input */
  byte counted;      /* user's state: inputs that it contains */
  byte covered;      /* DURABLE: the checkpoint contains the effects of all inputs below */
  byte out_base;     /* outbox: the lowest unacknowledged */
  byte out_next;     /* outbox: the next number */
  byte content[M];   /* outbox: by number; 0 where there is none */
}
mtype phase[H];
Activation at[H];

/* The directory: the actor's record, the nodes', the checkpoint. */
byte owner = 0;
byte epoch = 1;
bool orphan = 0;     /* the record's node is dead or has another incarnation */
bool alive[H];       /* the node record of the host's present incarnation, as far as known */
Activation saved;
/* Checkpoints on their way to the directory. */
bool writing[H];
bool from_before[H]; /* sent by an earlier incarnation of the node */
Activation written[H];

/* The source, the sink, and what is under way between them and the relay. */
byte base = 1;       /* the source's lowest unacknowledged */
byte acked = 0;      /* the highest acknowledgement ever sent */
byte sink_next = 1;
byte seen[M];        /* what the sink took, by number */
byte sent[M];        /* set of the contents ever sent under a number, as bits */

byte moves = MOVES;
byte faults = FAULTS;

#define OWNS(i) (owner == i && epoch == at[i].epoch && !orphan)

#define RUNS(i) (phase[i] == ACTIVE || phase[i] == FROZEN)

#if defined(DURABLE) && !defined(MUT_ACKEARLY)
#define MAY_ACKNOWLEDGE(i) (at[i].covered - 1)
#else
#define MAY_ACKNOWLEDGE(i) (at[i].next - 1)
#endif
#if defined(DURABLE) && !defined(MUT_OUTEARLY)
#define MAY_SEND(i, n) (n < at[i].covered)
#else
#define MAY_SEND(i, n) true
#endif
/* Output n of host i's outbox leaves; once is enough, since what was sent may arrive for ever. */
#define SEND(n) \
  :: atomic { RUNS(i) && at[i].out_base <= n && n < at[i].out_next && MAY_SEND(i, n) && \
       at[i].content[n] != 0 && !(sent[n] & (1 << at[i].content[n])) -> \
       assert(n >= sink_next || seen[n] == at[i].content[n]); /* one content under a number */ \
       sent[n] = sent[n] | (1 << at[i].content[n]) }

inline copy(to, from) {
  to.next = from.next; to.counted = from.counted; to.covered = from.covered;
  to.out_base = from.out_base; to.out_next = from.out_next;
  k = 1;
  do :: k < M -> to.content[k] = from.content[k]; k++ :: else -> k = 0; break od
}

inline clear(to) {
  to.epoch = 0; to.next = 0; to.counted = 0; to.covered = 0; to.out_base = 0; to.out_next = 0;
  k = 1;
  do :: k < M -> to.content[k] = 0; k++ :: else -> k = 0; break od
}

inline forget(i) { phase[i] = NONE; clear(at[i]) }

/* What must hold whenever an activation becomes the owner. */
inline check_new_owner(i) {
  assert(base <= at[i].next);             /* what was acknowledged is in the state */
  assert(at[i].out_base <= sink_next)     /* what the sink lacks is in the outbox */
}

proctype Source() {
end:
  do
  :: atomic { base <= acked -> base++;
#ifdef DURABLE
       assert(base <= saved.next)
#else
       assert(base <= at[owner].next)
#endif
     }
  od
}

proctype Sink() {
  byte c;
end:
  do
  :: atomic { sink_next <= N && sent[sink_next] != 0 ->
       /* Any of the contents sent under this number. */
       c = 1;
       do
       :: c < 7 && !(sent[sink_next] & (1 << c)) -> c++
       :: (sent[sink_next] & (1 << c)) && (sent[sink_next] >> (c + 1)) -> c++
       :: (sent[sink_next] & (1 << c)) -> break
       od;
       assert(c / 2 == sink_next);          /* in order, none missing */
       seen[sink_next] = c; sink_next++; c = 0 }
  od
}

proctype Host(byte i) {
  byte j, k, c;
end:
  do
  /* --- A turn: the next input comes. Others are acknowledged again or dropped. */
  :: atomic { phase[i] == ACTIVE && at[i].next <= N && at[i].next < base + W ->
       /* Without faults there is never a second live copy, not even for a moment. */
#ifndef SUSPECT
       assert(OWNS(i));
#endif
       at[i].counted++;
       assert(at[i].counted == at[i].next); /* each input once, in order */
       if :: c = 0 :: c = 1 fi;
       if
       :: at[i].out_next <= N -> at[i].content[at[i].out_next] = 2 * at[i].next + c
       :: else
       fi;
       at[i].out_next++; at[i].next++; c = 0 }

  /* --- Acknowledgement to the source; outputs to the sink, again and again. */
  :: atomic { RUNS(i) && MAY_ACKNOWLEDGE(i) > acked -> acked = MAY_ACKNOWLEDGE(i) }
  SEND(1)
#if N > 1
  SEND(2)
#endif
#if N > 2
  SEND(3)
#endif
  :: atomic { RUNS(i) && at[i].out_base < sink_next && at[i].out_base < at[i].out_next ->
       if :: at[i].out_base <= N -> at[i].content[at[i].out_base] = 0 :: else fi;
       at[i].out_base++ }

#ifdef DURABLE
  /* --- A checkpoint goes to the directory, is saved or refused there, and the answer comes or not. */
  :: atomic { phase[i] == ACTIVE && !writing[i] && at[i].covered < at[i].next ->
       copy(written[i], at[i]); written[i].epoch = at[i].epoch; writing[i] = 1 }
  :: atomic { writing[i] ->
#if defined(MUT_CKPTNOFENCE)
       c = 1;
#elif defined(MUT_CKPTNONODE)
       c = (owner == i && epoch == written[i].epoch);
#else
       c = (owner == i && epoch == written[i].epoch && alive[i] && !from_before[i] && !orphan);
#endif
       if
       :: c == 1 -> copy(saved, written[i]);
            if
            :: !from_before[i] && RUNS(i) &&
               at[i].epoch == written[i].epoch -> at[i].covered = written[i].next
            :: true                         /* the answer is lost */
            fi
       :: else                              /* refused: the writer looks the record up */
       fi;
       clear(written[i]); writing[i] = 0; from_before[i] = 0; c = 0 }
#endif

  /* --- A move: freeze, snapshot, send it to j (or lose it). */
  :: atomic { phase[i] == ACTIVE && moves > 0 -> moves--; phase[i] = FROZEN;
       j = 0;
       do :: j < H - 1 -> j++ :: break od;
       if
       :: j != i && phase[j] == NONE ->
            copy(at[j], at[i]); at[j].epoch = at[i].epoch; phase[j] = STAGED;
#ifdef MUT_NODEDUP
            at[j].next = 1;
#endif
#ifdef MUT_NOOUTBOX
            at[j].out_base = at[j].out_next;
            k = 1;
            do :: k < M -> at[j].content[k] = 0; k++ :: else -> break od;
#endif
#ifdef MUT_NONUMBERS
            at[j].out_base = 1; at[j].out_next = 1;
            k = 1;
            do :: k < M -> at[j].content[k] = 0; k++ :: else -> break od;
#endif
#ifdef MUT_COVERED
            at[j].covered = at[j].next;
#endif
            k = 0
       :: true
       fi;
       j = 0 }

  /* --- The source resolves it: its own CAS, or what the directory says. The CAS's answer may be
         lost, so it acts on what it reads. */
#ifdef MUT_UNFREEZE
  :: atomic { phase[i] == FROZEN -> phase[i] = ACTIVE }
#endif
#ifndef MUT_NOABORT
  :: atomic { phase[i] == FROZEN && OWNS(i) && alive[i] -> epoch++ }
#endif
  :: atomic { phase[i] == FROZEN && owner == i && !orphan && epoch == at[i].epoch + 1 ->
       at[i].epoch = epoch; phase[i] = ACTIVE }
  :: atomic { RUNS(i) && (owner != i || orphan) -> forget(i) }

  /* --- The target: its CAS; what it reads afterwards; it expires only then. */
  :: atomic { phase[i] == STAGED && epoch == at[i].epoch && alive[i] ->
       owner = i; epoch++; orphan = 0 }
  :: atomic { phase[i] == STAGED && owner == i && !orphan && epoch == at[i].epoch + 1 ->
       at[i].epoch = epoch; phase[i] = ACTIVE; check_new_owner(i) }
#ifdef MUT_NOCAS
  :: atomic { phase[i] == STAGED -> phase[i] = ACTIVE }
#endif
#ifdef MUT_EXPIRE
  :: atomic { phase[i] == STAGED ->
#else
  :: atomic { phase[i] == STAGED && epoch != at[i].epoch && (owner != i || orphan) ->
#endif
       assert(owner != i || orphan || epoch != at[i].epoch + 1);  /* nobody else has the state */
       forget(i) }

#if defined(CRASH) || defined(SUSPECT)
  /* --- Faults. A process dies; a node is declared dead, rightly or not; it starts again. */
#ifdef CRASH
  :: atomic { phase[i] != GONE && faults > 0 -> faults--; forget(i); phase[i] = GONE }
#endif
  :: atomic { alive[i] && phase[i] == GONE ->
       alive[i] = 0; if :: owner == i -> orphan = 1 :: else fi }
#ifdef SUSPECT
  :: atomic { alive[i] && phase[i] != GONE && faults > 0 -> faults--;
       alive[i] = 0; if :: owner == i -> orphan = 1 :: else fi }
#endif
  :: atomic { !alive[i] || phase[i] == GONE ->  /* drops all without a word: a new incarnation */
       forget(i); from_before[i] = writing[i]; alive[i] = 1;
       if :: owner == i -> orphan = 1 :: else fi }

  /* --- Fail-over of an orphan: read the record and the checkpoint, CAS, begin. */
  :: atomic { phase[i] == NONE && alive[i] && orphan ->
       copy(at[i], saved); at[i].covered = saved.next; at[i].epoch = epoch; phase[i] = TAKING }
  :: atomic { phase[i] == TAKING && epoch == at[i].epoch && orphan && alive[i] ->
       owner = i; epoch++; orphan = 0 }
  :: atomic { phase[i] == TAKING && owner == i && !orphan && epoch == at[i].epoch + 1 ->
       at[i].epoch = epoch; phase[i] = ACTIVE; check_new_owner(i) }
  :: atomic { phase[i] == TAKING && epoch != at[i].epoch && (owner != i || orphan) -> forget(i) }
#endif
  od
}

/* Nothing can happen any more: then all must have arrived. Steps that change nothing are left out
   above and moves and faults are bounded, so only answers lost again and again could put that off. */
proctype Watch() {
  timeout -> assert(base > N && sink_next > N)
}

init {
  byte i;
  atomic {
    do
    :: i < H -> phase[i] = NONE; alive[i] = 1; i++
    :: else -> break
    od;
    phase[0] = ACTIVE; at[0].epoch = 1; at[0].next = 1; at[0].covered = 1;
    at[0].out_base = 1; at[0].out_next = 1;
    saved.next = 1; saved.covered = 1; saved.out_base = 1; saved.out_next = 1;
    i = 0;
    do
    :: i < H -> run Host(i); i++
    :: else -> break
    od;
    run Source(); run Sink(); run Watch()
  }
}
