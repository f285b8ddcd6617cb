/* A stream both of whose ends move, at once if it happens so: do its packets find their way, and does
   all arrive? relay.pml has what a snapshot must contain and what faults do; here every host keeps
   the way to the other actor (a host and the epoch it was learned with), packets go where it points,
   and there are no faults but lost packets.

   actor 0, the sender: numbers 1 .. N, sends again until acknowledged
   actor 1, the receiver: takes each number once and in order

   Property `drains`: in every run in which no process is passed over for ever, all is acknowledged.

   -D mutants   MUT_STICKY   a way that is known is not replaced by one with a higher epoch
                MUT_LOST     a silent sender does not ask the directory, strays are not answered
*/
#ifndef N
#define N 2
#endif
#ifndef H
#define H 2
#endif
#ifndef MOVES
#define MOVES 2
#endif
#ifndef LOSSES
#define LOSSES 1       /* packets lost at most, beside those that find a queue full */
#endif
#define SENDER 0
#define RECEIVER 1

mtype = { NONE, ACTIVE, FROZEN, STAGED };
mtype = { DATA, ACK, NOTHERE };

/* An activation of actor x on host h, and host h's way to actor x: at index h*2 + x. */
mtype phase[H * 2];
byte at_epoch[H * 2];
byte number[H * 2];    /* sender: lowest unacknowledged; receiver: the next one */
byte way[H * 2];
byte way_epoch[H * 2];

byte owner[2];
byte epoch[2];
byte moves = MOVES;
byte losses = LOSSES;
byte processed = 0;    /* by the receiver, over all its activations */

chan net[H] = [1] of { mtype, byte, byte, byte };  /* kind, number or actor, from, sender's epoch */

#define A(h) (h * 2 + SENDER)
#define B(h) (h * 2 + RECEIVER)

/* A full queue loses the packet. */
inline post(to_host, a_kind, a_number, an_epoch) {
  if
  :: nfull(net[to_host]) -> net[to_host]!a_kind, a_number, h, an_epoch
  :: full(net[to_host])
  fi
}

inline learn(an_actor, where, an_epoch) {
  if
#ifdef MUT_STICKY
  :: way_epoch[h * 2 + an_actor] == 0 -> /* all are known at the start */
#else
  :: an_epoch > way_epoch[h * 2 + an_actor] ->
#endif
       way[h * 2 + an_actor] = where; way_epoch[h * 2 + an_actor] = an_epoch
  :: else
  fi
}

/* The sender's outbox: silence makes it ask the directory before it sends again. */
proctype Send(byte h) {
  bool silent;
end:
  do
  :: atomic { phase[A(h)] == ACTIVE && number[A(h)] <= N && !silent ->
       post(way[B(h)], DATA, number[A(h)], at_epoch[A(h)]); silent = 1 }
  :: atomic { silent ->
#ifndef MUT_LOST
       learn(RECEIVER, owner[RECEIVER], epoch[RECEIVER]);
#endif
       silent = 0 }
  od
}

proctype Receive(byte h) {
  mtype kind;
  byte what, from, e;
end:
  do
  :: atomic { net[h]?kind, what, from, e ->
       if
       :: kind == DATA && phase[B(h)] == ACTIVE ->
            learn(SENDER, from, e);
            if
            :: what == number[B(h)] ->
                 assert(owner[RECEIVER] == h && epoch[RECEIVER] == at_epoch[B(h)]);
                 processed++;
                 assert(what == processed);       /* each once, in order */
                 number[B(h)]++
            :: else
            fi;
            if
            :: number[B(h)] > 1 ->
                 post(way[A(h)], ACK, number[B(h)] - 1, at_epoch[B(h)])
            :: else
            fi
       :: kind == ACK && phase[A(h)] == ACTIVE ->
            assert(what <= processed);
            learn(RECEIVER, from, e);
            if :: what >= number[A(h)] -> number[A(h)] = what + 1 :: else fi
#ifndef MUT_LOST
       :: kind == DATA && phase[B(h)] == NONE -> post(from, NOTHERE, RECEIVER, 0)
       :: kind == ACK && phase[A(h)] == NONE -> post(from, NOTHERE, SENDER, 0)
#endif
       :: kind == NOTHERE -> learn(what, owner[what], epoch[what])
       :: else                                    /* frozen or staged: the sender's duty */
       fi;
       kind = 0; what = 0; from = 0; e = 0 }
  :: atomic { losses > 0 && nempty(net[h]) -> losses--;
       net[h]?kind, what, from, e; kind = 0; what = 0; from = 0; e = 0 }
  od
}

/* Of actor x on host h, as in relay.pml. */
proctype Move(byte h; byte x) {
  byte j;
end:
  do
  :: atomic { phase[h * 2 + x] == ACTIVE && moves > 0 -> moves--; phase[h * 2 + x] = FROZEN;
       do :: j < H - 1 -> j++ :: break od;
       if
       :: j != h && phase[j * 2 + x] == NONE ->
            phase[j * 2 + x] = STAGED; number[j * 2 + x] = number[h * 2 + x];
            at_epoch[j * 2 + x] = at_epoch[h * 2 + x]
       :: true
       fi;
       j = 0 }
  :: atomic { phase[h * 2 + x] == FROZEN ->
       if
       :: owner[x] == h && epoch[x] == at_epoch[h * 2 + x] ->
            epoch[x]++; at_epoch[h * 2 + x] = epoch[x]; phase[h * 2 + x] = ACTIVE
       :: else -> phase[h * 2 + x] = NONE; number[h * 2 + x] = 0; at_epoch[h * 2 + x] = 0
       fi }
  :: atomic { phase[h * 2 + x] == STAGED ->
       if
       :: epoch[x] == at_epoch[h * 2 + x] ->
            owner[x] = h; epoch[x]++; at_epoch[h * 2 + x] = epoch[x]; phase[h * 2 + x] = ACTIVE;
            /* Its host knows where it lives. */
            way[h * 2 + x] = h; way_epoch[h * 2 + x] = epoch[x]
       :: else -> phase[h * 2 + x] = NONE; number[h * 2 + x] = 0; at_epoch[h * 2 + x] = 0
       fi }
  od
}

#define acknowledged (number[owner[SENDER] * 2 + SENDER] > N)
ltl drains { <> acknowledged }

init {
  byte i;
  atomic {
    do
    :: i < H -> phase[A(i)] = NONE; phase[B(i)] = NONE;
         way[A(i)] = 0; way_epoch[A(i)] = 1; way[B(i)] = 1; way_epoch[B(i)] = 1; i++
    :: else -> i = 0; break
    od;
    owner[SENDER] = 0; owner[RECEIVER] = 1; epoch[SENDER] = 1; epoch[RECEIVER] = 1;
    phase[A(0)] = ACTIVE; at_epoch[A(0)] = 1; number[A(0)] = 1;
    phase[B(1)] = ACTIVE; at_epoch[B(1)] = 1; number[B(1)] = 1;
    do
    :: i < H -> run Send(i); run Receive(i); run Move(i, SENDER); run Move(i, RECEIVER); i++
    :: else -> break
    od
  }
}
