/* Delivery from one hotline to another through the relay: losses, copies, late arrivals, crashes, re-wrap.
 *
 * One pair, N messages. What is durable survives every crash; what is volatile is named so and is gone.
 * Cryptography is perfect here: a Statement is its kind and the number of the message it speaks of.
 * README.md says what is assumed, what is shown, and which code each act stands for.
 *
 * FAULT_... plants a defect that must be found, WITNESS asks for a state that must be reachable; the
 * lists of both are in tools/check_model.
 */
#ifndef N
#define N 2
#endif
#ifndef GROUP
#define GROUP 2
#endif
#if N == 1
#define EACH(act) act(0)
#define ALL(what) what(0)
#define ANY(what) what(0)
#else
#define EACH(act) act(0) act(1)
#define ALL(what) (what(0) && what(1))
#define ANY(what) (what(0) || what(1))
#endif

/* Statements. SECOND is another header for a number that has one: a correct sender never makes it. */
#define HEADER    0
#define SECOND    1
#define VOID      2
#define NOT_HELD  3
#define REWRAP    4
#define DELIVERED 5
#define REFUSED   6
#define PREKEY    7
#define KINDS     8
#define S(kind, m)     ((kind) * N + (m))
#define IN(set, one)   (((set) >> (one)) & 1)
#define ADD(set, one)  set = set | (1 << (one))
#define DROP(set, one) set = set & ~(1 << (one))

/* The relay, durable: the log in order, what stands in it, where headers and the second prekey stand. */
byte log[6 * N + 1];
byte size;
int  logged;
byte place[N];
byte prekey_place;
bool expired[N];
/* The relay, volatile: entries judged but not committed. */
byte group[GROUP];
byte waiting;
int  judged;

/* The network: copies on their way to the relay, and the relay's answers to the sender. */
int  wire;
bool receipt[N];
bool refusal[N];

/* The sender, durable. */
#define NONE     0
#define QUEUED   1
#define ACCEPTED 2
#define FAILED   3
byte outbox[N];
byte key[N];
byte answer[N];
bool rewrapped[N];
bool asked[N];
byte sender_at;
/* The sender, volatile: a message sealed in memory. And what the application has been told, once. */
bool sealed;
bool told[N];

/* The recipient, durable. */
#define ABSENT       0
#define MISSING      1
#define LOCKED       2
#define READY        3
#define ACKNOWLEDGED 4
#define SPURNED      5
byte inbox[N];
bool owes_not_held[N];
byte recipient_at;
bool old_key = true;
bool new_key;
bool rotated;
/* The recipient, volatile: an entry opened in memory; what this life of the application was given. */
bool taken;
bool given[N];

bool calm;

#define HERE(m)    (outbox[m] != NONE)
#define HOLDS(m)   ((key[m] == 1 && old_key) || (key[m] == 2 && new_key))
#define FINAL(set, m) (IN(set, S(DELIVERED, m)) || IN(set, S(REFUSED, m)))
#define USED(set, m)  (IN(set, S(HEADER, m)) || IN(set, S(SECOND, m)) || IN(set, S(VOID, m)))
#define KNOWN      (logged | judged)
#define OLDER(m)   (prekey_place && prekey_place < place[m] && key[m] == 1)
/* Nothing but a person helps: no key to wrap to, or the re-wrap came when its key was lost too. */
#define STUCK(m)   (inbox[m] == LOCKED && (asked[m] || (IN(logged, S(REWRAP, m)) && recipient_at == size)))
#define OVER(m)    (answer[m] == DELIVERED || answer[m] == REFUSED || IN(logged, S(VOID, m)) || expired[m])

/* ---- the sender (Dispatch, Outbox, Publishing; Intake for what the log says) ---- */

/* Number, sign and store are one transaction; only then does `send` return. */
#define COMMIT_SEALED(m) \
    :: d_step { sealed && !HERE(m) && (m == 0 || HERE(0)) -> \
        key[m] = ((prekey_place && sender_at >= prekey_place) -> 2 : 1); \
        outbox[m] = QUEUED; told[m] = true; sealed = false }

#ifdef FAULT_TELLS_EARLY
#define SEAL(m) :: d_step { !sealed && !HERE(m) && (m == 0 || HERE(0)) -> sealed = true; told[m] = true }
#else
#define SEAL(m) :: d_step { !sealed && !HERE(m) && (m == 0 || HERE(0)) -> sealed = true }
#endif

#ifdef FAULT_ONE_TRY
bool tried[N];
#define SUBMIT(m) :: d_step { outbox[m] == QUEUED && !tried[m] -> tried[m] = true; ADD(wire, S(HEADER, m)) }
#else
#define SUBMIT(m) :: d_step { outbox[m] == QUEUED && !IN(wire, S(HEADER, m)) -> ADD(wire, S(HEADER, m)) }
#endif

#ifdef FAULT_SIGNS_AGAIN
bool renamed[N];
#define SUBMIT_AGAIN(m) :: d_step { outbox[m] == QUEUED && !IN(wire, S(SECOND, m)) -> \
        ADD(wire, S(SECOND, m)); renamed[m] = true }
#define MINE(m) !renamed[m]
#else
#define SUBMIT_AGAIN(m)
#define MINE(m) true
#endif

#define TAKE_RECEIPT(m) :: d_step { receipt[m] -> receipt[m] = false; outbox[m] = ACCEPTED }
#define TAKE_REFUSAL(m) :: d_step { refusal[m] -> refusal[m] = false; \
        if :: outbox[m] == QUEUED -> outbox[m] = FAILED :: else fi }

#define SEND(one) !IN(logged, one) && !IN(wire, one) -> ADD(wire, one)
#define SEND_VOID(m)   :: d_step { outbox[m] == FAILED && !IN(logged, S(HEADER, m)) && SEND(S(VOID, m)) }
#define SEND_REWRAP(m) :: d_step { rewrapped[m] && !FINAL(logged, m) && SEND(S(REWRAP, m)) }

/* A header of ours in the log is a receipt, whatever the relay answered before. */
#ifdef FAULT_DISOWNS
#define ADOPT(m) skip
#else
#define ADOPT(m) if :: MINE(m) -> outbox[m] = ACCEPTED :: else fi
#endif

#ifdef FAULT_NO_REWRAP
#define REWRAP_OR_ASK(m) skip
#else
#define REWRAP_OR_ASK(m) if :: OLDER(m) && !rewrapped[m] -> rewrapped[m] = true :: else -> asked[m] = true fi
#endif

#define SENDER_FOLLOWS(m) \
    :: d_step { sender_at < size && log[sender_at] % N == m -> \
        if \
        :: log[sender_at] / N == HEADER -> ADOPT(m) \
        :: log[sender_at] / N == DELIVERED && !answer[m] -> answer[m] = DELIVERED \
        :: log[sender_at] / N == REFUSED && !answer[m] -> answer[m] = REFUSED \
        :: log[sender_at] / N == NOT_HELD && !answer[m] -> \
            REWRAP_OR_ASK(m) \
        :: else \
        fi; \
        sender_at++ }

active proctype Sender() {
    do
    EACH(SEAL)
    EACH(COMMIT_SEALED)
    EACH(SUBMIT)
    EACH(SUBMIT_AGAIN)
    EACH(TAKE_RECEIPT)
    EACH(TAKE_REFUSAL)
    EACH(SEND_VOID)
    EACH(SEND_REWRAP)
    EACH(SENDER_FOLLOWS)
    od
}

/* ---- the relay (engine, engine_publish, Sequencer) ---- */

#define ROOM waiting < GROUP
#define JUDGE(one) group[waiting] = one; waiting++; ADD(judged, one)

#ifdef FAULT_ANSWERS_EARLY
#define ANSWER_EARLY(m) receipt[m] = true
#else
#define ANSWER_EARLY(m) skip
#endif
#ifdef FAULT_SECOND_FINAL
#define STILL_OPEN(m) true
#else
#define STILL_OPEN(m) !FINAL(KNOWN, m)
#endif
#ifdef FAULT_FORGETS_NUMBERS
#define FREE(m) (true)
#else
#define FREE(m) (!USED(KNOWN, m))
#endif

#ifdef NO_REFUSALS
#define REFUSE_HEADER(m)
#else
#define REFUSE_HEADER(m) \
    :: d_step { IN(wire, S(HEADER, m)) && !IN(KNOWN, S(HEADER, m)) && outbox[m] == QUEUED && !refusal[m] -> \
        refusal[m] = true }
#endif
/* A header for a number that has another id is refused; its copy stays, to come late or never. */
#define JUDGE_HEADER(m) \
    :: d_step { IN(wire, S(HEADER, m)) && !IN(KNOWN, S(HEADER, m)) && FREE(m) && ROOM -> \
        JUDGE(S(HEADER, m)); ANSWER_EARLY(m) } \
    REFUSE_HEADER(m) \
    :: d_step { IN(wire, S(SECOND, m)) && !IN(KNOWN, S(SECOND, m)) && FREE(m) && ROOM -> \
        JUDGE(S(SECOND, m)) } \
    :: d_step { IN(wire, S(SECOND, m)) && !IN(KNOWN, S(SECOND, m)) && !FREE(m) && outbox[m] == QUEUED \
        && !refusal[m] -> refusal[m] = true }

/* After the commit, and again for every copy: the receipt of the first acceptance. */
#define ANSWER(m) \
    :: d_step { IN(wire, S(HEADER, m)) && IN(logged, S(HEADER, m)) && outbox[m] == QUEUED && !receipt[m] -> \
        receipt[m] = true }

#define ARRIVES(one) IN(wire, one) && !IN(KNOWN, one) && ROOM
#define JUDGE_VOID(m) \
    :: d_step { ARRIVES(S(VOID, m)) && FREE(m) -> DROP(wire, S(VOID, m)); JUDGE(S(VOID, m)) } \
    :: d_step { IN(wire, S(VOID, m)) && !FREE(m) -> DROP(wire, S(VOID, m)) }
#define JUDGE_ANSWERS(m) \
    :: d_step { ARRIVES(S(NOT_HELD, m)) && STILL_OPEN(m) -> DROP(wire, S(NOT_HELD, m)); \
        JUDGE(S(NOT_HELD, m)) } \
    :: d_step { ARRIVES(S(DELIVERED, m)) && STILL_OPEN(m) -> DROP(wire, S(DELIVERED, m)); \
        JUDGE(S(DELIVERED, m)) } \
    :: d_step { ARRIVES(S(REFUSED, m)) && STILL_OPEN(m) -> DROP(wire, S(REFUSED, m)); \
        JUDGE(S(REFUSED, m)) }
#define JUDGE_REWRAP(m) \
    :: d_step { ARRIVES(S(REWRAP, m)) && IN(KNOWN, S(NOT_HELD, m)) && !FINAL(KNOWN, m) -> \
        DROP(wire, S(REWRAP, m)); JUDGE(S(REWRAP, m)) }

#define LOG(i) \
        if :: i < waiting -> \
            log[size] = group[i]; \
            size++; \
            if \
            :: group[i] / N == HEADER -> place[group[i] % N] = size \
            :: group[i] / N == PREKEY -> prekey_place = size \
            :: else \
            fi; \
            group[i] = 0 \
        :: else fi

/* What nobody but a person could still move ends by its lifetime. */
#define EXPIRE_STUCK(m) :: d_step { STUCK(m) && !expired[m] -> expired[m] = true }

active proctype Relay() {
    do
    EACH(JUDGE_HEADER)
    EACH(ANSWER)
    EACH(JUDGE_VOID)
    EACH(JUDGE_ANSWERS)
    EACH(JUDGE_REWRAP)
    :: d_step { ARRIVES(S(PREKEY, 0)) -> DROP(wire, S(PREKEY, 0)); JUDGE(S(PREKEY, 0)) }
    EACH(EXPIRE_STUCK)
    od
}

/* One transaction for the whole group. It is a process of its own because the writer commits whatever
 * waits, however much more comes. */
active proctype Commit() {
    do
    :: d_step { waiting > 0 -> LOG(0); LOG(1); logged = logged | judged; judged = 0; waiting = 0 }
    od
}

/* ---- the recipient (Follower, Intake, desk; the application behind them) ---- */

#ifdef FAULT_DELIVERED_EARLY
#define DELIVERED_EARLY(m) ADD(wire, S(DELIVERED, m))
#else
#define DELIVERED_EARLY(m) skip
#endif
#ifdef FAULT_INDEX_FIRST
#define INDEX_AT_TAKING recipient_at++
#define INDEX_AT_COMMIT skip
#define NEXT (recipient_at - 1)
#else
#define INDEX_AT_TAKING skip
#define INDEX_AT_COMMIT recipient_at++
#define NEXT recipient_at
#endif
#ifdef FAULT_TAKES_AGAIN
#define UNKNOWN(m) true
#else
#define UNKNOWN(m) inbox[m] == ABSENT
#endif

#define TAKE(m) \
    :: d_step { !taken && recipient_at < size && log[recipient_at] % N == m -> \
        if :: log[recipient_at] / N == HEADER -> DELIVERED_EARLY(m) :: else fi; \
        taken = true; INDEX_AT_TAKING }

#ifdef FAULT_SECOND_FINAL
#define REFUSABLE(m) (inbox[m] == READY || inbox[m] == ACKNOWLEDGED)
#else
#define REFUSABLE(m) (inbox[m] == READY)
#endif
#ifdef NO_REFUSALS
#define SPURN(m)
#define REFUSE(m)
#else
#define SPURN(m)  :: !expired[m] && HOLDS(m) -> inbox[m] = SPURNED
#define REFUSE(m) :: d_step { REFUSABLE(m) && given[m] -> inbox[m] = SPURNED }
#endif
/* Message, answer owed and place in the log are one transaction. Content may be invalid; an expired
 * message comes without its ciphertext, and is not answered. */
#define COMMIT_TAKEN(m) \
    :: atomic { taken && log[NEXT] % N == m -> \
        if \
        :: log[NEXT] / N == HEADER && UNKNOWN(m) -> \
            if \
            :: expired[m] -> inbox[m] = MISSING \
            :: !expired[m] && !HOLDS(m) -> inbox[m] = LOCKED; owes_not_held[m] = true \
            :: !expired[m] && HOLDS(m) -> inbox[m] = READY \
            SPURN(m) \
            fi \
        :: log[NEXT] / N == REWRAP && inbox[m] == LOCKED && new_key && !expired[m] -> inbox[m] = READY \
        :: else \
        fi; \
        INDEX_AT_COMMIT; taken = false }

hidden byte given_until_acknowledged;
#define GIVE(m) \
    :: d_step { inbox[m] == READY && !given[m] -> given[m] = true; \
        if :: IN(wire | KNOWN, S(DELIVERED, m)) -> assert(given_until_acknowledged) :: else fi }

#ifdef FAULT_ACKNOWLEDGES_EARLY
#define ACKNOWLEDGE(m) \
    :: d_step { inbox[m] == READY && given[m] && !IN(wire | KNOWN, S(DELIVERED, m)) -> \
        ADD(wire, S(DELIVERED, m)) } \
    :: d_step { inbox[m] == READY && given[m] && IN(wire | KNOWN, S(DELIVERED, m)) -> \
        inbox[m] = ACKNOWLEDGED }
#else
#define ACKNOWLEDGE(m) \
    :: d_step { inbox[m] == READY && given[m] -> inbox[m] = ACKNOWLEDGED }
#endif

#define SEND_ANSWER(m) \
    :: d_step { inbox[m] == ACKNOWLEDGED && SEND(S(DELIVERED, m)) } \
    :: d_step { inbox[m] == SPURNED && SEND(S(REFUSED, m)) } \
    :: d_step { owes_not_held[m] && !FINAL(logged, m) && SEND(S(NOT_HELD, m)) }

active proctype Recipient() {
    do
    EACH(TAKE)
    EACH(COMMIT_TAKEN)
    EACH(GIVE)
    EACH(ACKNOWLEDGE)
    EACH(REFUSE)
    EACH(SEND_ANSWER)
    :: d_step { rotated && SEND(S(PREKEY, 0)) }
    od
}

/* ---- what may happen and never has to ---- */

#define LOSE(m) \
    :: d_step { !calm && IN(wire, S(HEADER, m)) -> DROP(wire, S(HEADER, m)) } \
    :: d_step { !calm && IN(wire, S(SECOND, m)) -> DROP(wire, S(SECOND, m)) } \
    :: d_step { !calm && IN(wire, S(VOID, m)) -> DROP(wire, S(VOID, m)) } \
    :: d_step { !calm && IN(wire, S(NOT_HELD, m)) -> DROP(wire, S(NOT_HELD, m)) } \
    :: d_step { !calm && IN(wire, S(REWRAP, m)) -> DROP(wire, S(REWRAP, m)) } \
    :: d_step { !calm && IN(wire, S(DELIVERED, m)) -> DROP(wire, S(DELIVERED, m)) } \
    :: d_step { !calm && IN(wire, S(REFUSED, m)) -> DROP(wire, S(REFUSED, m)) } \
    :: d_step { !calm && receipt[m] -> receipt[m] = false } \
    :: d_step { !calm && refusal[m] -> refusal[m] = false }
#define EXPIRE(m) :: d_step { place[m] && !FINAL(KNOWN, m) && !expired[m] -> expired[m] = true }
#define FORGET(m) given[m] = false;
#ifdef FAULT_TAKES_AGAIN
#define RECIPIENT_RESTARTS recipient_at = 0
#else
#define RECIPIENT_RESTARTS skip
#endif

active proctype Fate() {
    do
    :: d_step { calm -> calm = true }
    EACH(LOSE)
    :: d_step { !calm && IN(wire, S(PREKEY, 0)) -> DROP(wire, S(PREKEY, 0)) }
#ifndef NO_EXPIRY
    EACH(EXPIRE)
#endif
    :: d_step { !calm && sealed -> sealed = false }
    :: d_step { !calm && waiting > 0 -> judged = 0; waiting = 0; group[0] = 0; group[GROUP - 1] = 0 }
    :: d_step { !calm -> taken = false; EACH(FORGET) RECIPIENT_RESTARTS }
#ifndef SAME_PREKEY
    /* A week passes: the next prekey, durable before it is published. Then the old half is destroyed. */
    :: d_step { !rotated -> rotated = true; new_key = true }
    :: d_step { rotated && old_key -> old_key = false }
    /* A home restored from a backup, which holds no private halves. */
    :: d_step { new_key -> new_key = false }
#endif
    od
}

#ifdef LIVE
active proctype Calm() { calm = true }

ltl every_message_ends { <> ALL(OVER) }
#endif

/* ---- safety: each assertion is named for what it says ---- */

#ifndef LIVE
hidden byte handed_over_is_durable, accepted_is_logged, followed_is_held, delivered_is_durable_first;
hidden byte one_user_of_a_number, one_final_answer, ours_in_the_log_is_known;

#define DURABLE(m)   (!told[m] || HERE(m))
#define LOGGED(m)    ((!receipt[m] && outbox[m] != ACCEPTED) || IN(logged, S(HEADER, m)))
#define HELD(m)      (!place[m] || recipient_at < place[m] || inbox[m] != ABSENT)
#define OPENED(m)    (!IN(wire | KNOWN, S(DELIVERED, m)) || inbox[m] >= READY)
#define ONE_USER(m)  (IN(logged, S(HEADER, m)) + IN(logged, S(SECOND, m)) + IN(logged, S(VOID, m)) <= 1)
#define ONE_FINAL(m) (!IN(logged, S(DELIVERED, m)) || !IN(logged, S(REFUSED, m)))
#define OWNED(m)     (!place[m] || sender_at < place[m] || outbox[m] == ACCEPTED)

active proctype Always() {
    do
    :: d_step { !ALL(DURABLE) -> assert(handed_over_is_durable) }
    :: d_step { !ALL(LOGGED) -> assert(accepted_is_logged) }
    :: d_step { !ALL(HELD) -> assert(followed_is_held) }
    :: d_step { !ALL(OPENED) -> assert(delivered_is_durable_first) }
    :: d_step { !ALL(ONE_USER) -> assert(one_user_of_a_number) }
    :: d_step { !ALL(ONE_FINAL) -> assert(one_final_answer) }
    :: d_step { !ALL(OWNED) -> assert(ours_in_the_log_is_known) }
    od
}
#endif

/* ---- what must be reachable, so that the above is not true of a model in which nothing happens ---- */

hidden byte witness;
#ifdef WITNESS_DELIVERED_BY_REWRAP
active proctype Witness() { d_step { rewrapped[0] && answer[0] == DELIVERED -> assert(witness) } }
#endif
#ifdef WITNESS_LATE_COPY_LOGGED_AFTER_REFUSAL
active proctype Witness() { d_step { outbox[0] == FAILED && IN(logged, S(HEADER, 0)) -> assert(witness) } }
#endif
#ifdef WITNESS_VOID_BEFORE_HEADER
active proctype Witness() { d_step { IN(logged, S(VOID, 0)) && IN(wire, S(HEADER, 0)) -> assert(witness) } }
#endif
#ifdef WITNESS_STUCK_THEN_EXPIRED
active proctype Witness() { d_step { asked[0] && expired[0] -> assert(witness) } }
#endif
#ifdef WITNESS_SECOND_LOGGED_FIRST
active proctype Witness() { d_step { answer[N - 1] == DELIVERED && !place[0] -> assert(witness) } }
#endif
