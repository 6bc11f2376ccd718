/* spool.pml - the queue's protocol (docs/spool.md, 3 to 5) as a model for spin.
 *
 * Moves against it: a worker dies at any step; a worker is taken for dead though it only sleeps (no
 * clock is modelled, so that may happen at any time); a reply is lost, so that a rename that was
 * done says ENOENT or EIO; a request is late, so that a rename that said EIO is done some time
 * after; and NFS's name cache, by which a claim or a result lands in a directory that an adopter
 * has renamed. How often each: the numbers below, so that every run comes to an end.
 *
 * Wrong would be: a published directory without its job, or with two, or with a result that somebody
 * else wrote (assertions); a job that nobody takes up any more (spin: an invalid end state).
 *
 * A directory is known by its number, whatever its name is just now: `place` and `owner` say where
 * it lies. A job is one file, and its place is the number of its directory. A step is one system
 * call, or what only its own worker can see.
 *
 * tests/model/run checks it, and that each -DNO_… (a rule taken away) is found. */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef JOBS
#define JOBS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef WRONG
#define WRONG 1 /* adoptions of one that lives */
#endif
#ifndef LOST
#define LOST 1 /* replies */
#endif
#ifndef LATE
#define LATE 1 /* requests that are done after their caller was told EIO */
#endif
#ifndef CACHED
#define CACHED 1 /* paths that a client resolves from its cache */
#endif

#define NAMES (WORKERS + WRONG) /* who finds its directory gone takes a new name */
#define DIRS 16
#define ATTEMPTS 2
#define NONE 255
#define IN_PENDING 254

mtype = { UNMADE, RUNNING, DEFERRED, DONE, FAILED, REMOVED };
mtype = { DID, ENOENT, EIO };

typedef Dir {
    mtype place;
    byte owner;   /* of RUNNING: a name */
    byte turn;    /* goes up with each rename, which is to a fresh name: an old path is no path */
    byte started; /* attempts.jsonl: 0 is no file */
    bit result;   /* result.json, */
    bit foreign;  /* and it was written by one who no longer has the directory */
};

Dir dir[DIRS];
byte file[JOBS];   /* the directory in which X.job lies, or IN_PENDING */
bit home[NAMES];   /* running/NAME is there */
byte whose[NAMES]; /* and whose name that is */
bit killed[WORKERS];
byte names;        /* so many were taken */
byte deaths, wrong, lost, late, cached;

/* One request on its way. to: RUNNING for a claim, else the place to which a TOKEN moves. */
bit flying;
mtype flight_to;
byte flight_job, flight_d, flight_w, flight_turn;

#define ANY(P)                                                                                     \
    (P(0) || P(1) || P(2) || P(3) || P(4) || P(5) || P(6) || P(7) || P(8) || P(9) || P(10) ||      \
     P(11) || P(12) || P(13) || P(14) || P(15))
#define IS_AT(d, n) (dir[d].place == RUNNING && dir[d].owner == n)
#define IS_PATH(d, n, t) (IS_AT(d, n) && dir[d].turn == t)
#define IS_DEFERRED(d) (dir[d].place == DEFERRED)
#define IS_STRAY(d) (IS_AT(d, w) && d != spare && HOLDS(d))
#define IS_OF_V(d) (IS_AT(d, v) && d < listed)
#define IS_LEFT(d) IS_AT(d, v)
#define ENDED(j) (file[j] < DIRS && (dir[file[j]].place == DONE || dir[file[j]].place == FAILED))
#if JOBS == 1
#define HOLDS(d) (file[0] == d)
#define HOLDS_TWO(d) false
#define ALL_ENDED ENDED(0)
#define ANY_PENDING (file[0] == IN_PENDING)
#else
#define HOLDS(d) (file[0] == d || file[1] == d)
#define HOLDS_TWO(d) (file[0] == d && file[1] == d)
#define ALL_ENDED (ENDED(0) && ENDED(1))
#define ANY_PENDING (file[0] == IN_PENDING || file[1] == IN_PENDING)
#endif
/* May w adopt the one of this name now? */
#define IS_PREY(n) (n != w && home[n] && (killed[whose[n]] || (whose[n] != me && wrong < WRONG)))
#if WORKERS + WRONG == 2
#define ANY_PREY (IS_PREY(0) || IS_PREY(1))
#elif WORKERS + WRONG == 3
#define ANY_PREY (IS_PREY(0) || IS_PREY(1) || IS_PREY(2))
#else
#define ANY_PREY (IS_PREY(0) || IS_PREY(1) || IS_PREY(2) || IS_PREY(3))
#endif

#define FIRST(P, d)                                                                                \
    d = 0;                                                                                         \
    do                                                                                             \
    :: d < DIRS && !P(d) -> d++                                                                    \
    :: d < DIRS && P(d) -> break                                                                   \
    :: d == DIRS -> d = NONE; break                                                                \
    od
#ifdef NO_FENCE
#define IS_MINE(d) (dir[d].place == RUNNING && dir[d].turn == turn_of_fence)
#else
#define IS_MINE(d) IS_PATH(d, w, turn_of_fence)
#endif

/* ---- what the server does ---- */

/* mkdir of a fresh TOKEN in running/NAME. NONE: that is gone. */
inline make_dir(n, d)
{
    d = 0;
    do
    :: dir[d].place != UNMADE -> d++; assert(d < DIRS)
    :: else -> break
    od;
    if
    :: home[n] -> dir[d].place = RUNNING; dir[d].owner = n
    :: else -> d = NONE
    fi
}

/* rename pending/X.json -> running/N/TOKEN/X.job. By path, or through the client's cache into
 * the directory that an adopter has by now. */
inline do_claim(n, j, d, t, did)
{
    did = false;
    if
    :: file[j] == IN_PENDING && IS_PATH(d, n, t) -> file[j] = d; did = true
    :: file[j] == IN_PENDING && dir[d].place == RUNNING && !IS_PATH(d, n, t) && cached < CACHED ->
        cached++;
        file[j] = d;
        did = true
    :: file[j] != IN_PENDING || !IS_PATH(d, n, t) -> skip
    fi
}

/* rename deferred/X@DUE@TOKEN -> running/N/TOKEN, */
inline do_take(n, d, t, did)
{
    did = false;
    if
    :: dir[d].place == DEFERRED && dir[d].turn == t && home[n] ->
        dir[d].turn++;
        dir[d].place = RUNNING;
        dir[d].owner = n;
        did = true
    :: else -> skip
    fi
}

/* and running/N/TOKEN -> done, error or deferred. */
inline do_move(n, d, t, to, did)
{
    did = false;
    if
    :: IS_PATH(d, n, t) ->
        dir[d].turn++;
        dir[d].place = to;
        did = true;
        if
        :: to == DONE || to == FAILED ->
            assert(HOLDS(d) && !HOLDS_TWO(d));
            assert(dir[d].result && !dir[d].foreign)
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* What the caller is told. */
inline answer(did, reply)
{
    if
    :: did -> reply = DID
    :: !did -> reply = ENOENT
    :: did && lost < LOST -> lost++; reply = ENOENT
    :: lost < LOST -> lost++; reply = EIO
    fi;
    did = false
}

inline fly(to, j, d, t, n)
{
    late++;
    flying = true;
    flight_to = to;
    flight_job = j;
    flight_d = d;
    flight_turn = t;
    flight_w = n;
    reply = EIO
}

/* Late requests and deaths. At least one worker lives on. */
active proctype Fate()
{
    bit did;
end:
    do
    :: atomic {
            flying;
            if
            :: flight_to == RUNNING && flight_job != NONE ->
                do_claim(flight_w, flight_job, flight_d, flight_turn, did)
            :: flight_to == RUNNING && flight_job == NONE -> do_take(flight_w, flight_d, flight_turn, did)
            :: flight_to != RUNNING -> do_move(flight_w, flight_d, flight_turn, flight_to, did)
            :: true -> skip /* it never arrives */
            fi;
            flying = false;
            flight_to = 0;
            flight_job = 0;
            flight_d = 0;
            flight_w = 0;
            flight_turn = 0;
            did = false
        }
    :: atomic { deaths < DEATHS && !killed[0] -> deaths++; killed[0] = true }
#if WORKERS > 2
    :: atomic { deaths < DEATHS && !killed[1] -> deaths++; killed[1] = true }
#endif
    od
}

/* ---- a worker ---- */

proctype Worker(byte me)
{
    byte w = me;         /* its name: its number at first, then a new one */
    byte j, d, e, v;
    byte listed; /* what was made before an adopter's listing */
    byte t, turn_of_fence; /* the paths that it knows of d and fence */
    byte spare = NONE;   /* an empty TOKEN, made beforehand */
    byte fence = NONE;   /* a directory that was a dead one's, until it is removed */
    mtype reply, to;
    bit did;

    {
        skip; /* no label may come first in a block */
turn:
        if
        :: ALL_ENDED -> goto over
        /* Its own directory is gone: somebody took it for dead. */
        :: atomic {
                !ALL_ENDED && !home[w] ->
                    spare = NONE;
                    fence = NONE;
                    w = names;
                    names++;
                    home[w] = true;
                    whose[w] = me;
                    goto turn
            }
        :: atomic { !ALL_ENDED && home[w] && ANY_PENDING -> goto claim_pending }
        :: atomic { !ALL_ENDED && home[w] && ANY(IS_DEFERRED) -> goto claim_deferred }
#ifndef NO_STRAYS
        /* A claim that was done after we were told that it was not. */
        :: atomic {
                !ALL_ENDED && home[w] && ANY(IS_STRAY) ->
                    FIRST(IS_STRAY, fence);
                    turn_of_fence = dir[fence].turn;
                    goto empty_fence
            }
#endif
        :: atomic { !ALL_ENDED && home[w] && ANY_PREY -> goto adopt }
        fi;

claim_pending:
        atomic {
            if
            :: file[0] == IN_PENDING -> j = 0
#if JOBS == 2
            :: file[1] == IN_PENDING -> j = 1
#endif
            :: else -> goto turn
            fi;
            if
            :: spare == NONE -> make_dir(w, spare)
            :: else -> skip
            fi;
            d = spare;
            spare = NONE;
            if
            :: d == NONE -> goto turn
            :: else -> t = dir[d].turn
            fi
        };
        atomic {
            if
            :: do_claim(w, j, d, t, did); answer(did, reply)
            :: late < LATE && !flying -> fly(RUNNING, j, d, t, w)
            fi
        };
        atomic { /* what lies at our own target tells more than the reply */
            if
            :: !IS_PATH(d, w, t) -> goto turn
            :: IS_PATH(d, w, t) && reply == DID -> goto claimed
            :: IS_PATH(d, w, t) && reply == ENOENT && HOLDS(d) ->
#ifdef NO_LOOK
                goto turn
#else
                goto claimed
#endif
            :: IS_PATH(d, w, t) && reply == ENOENT && !HOLDS(d) -> spare = d; goto turn
            :: IS_PATH(d, w, t) && reply == EIO && HOLDS(d) -> goto claimed /* rmdir: ENOTEMPTY */
            :: IS_PATH(d, w, t) && reply == EIO && !HOLDS(d) ->
#ifdef NO_RETIRE
                spare = d;
#else
                dir[d].place = REMOVED;
#endif
                goto turn
            fi
        };

claim_deferred:
        atomic {
            FIRST(IS_DEFERRED, d);
            if
            :: d == NONE -> goto turn
            :: else -> t = dir[d].turn
            fi
        };
        atomic {
            if
            :: do_take(w, d, t, did); answer(did, reply)
            :: late < LATE && !flying -> fly(RUNNING, NONE, d, t, w)
            fi;
            t++ /* our fresh name */
        };
        atomic {
            if
            :: !IS_PATH(d, w, t) -> goto turn
            :: IS_PATH(d, w, t) -> goto claimed
            fi
        };

claimed: /* d is ours; one attempt, unless there were enough */
        atomic {
            if
            :: !IS_PATH(d, w, t) -> goto settled
            :: IS_PATH(d, w, t) && dir[d].started >= ATTEMPTS -> to = FAILED; goto publish
            :: IS_PATH(d, w, t) && dir[d].started < ATTEMPTS -> dir[d].started++
            fi
        };
        if /* here it runs, for however long */
        :: to = DONE
        :: atomic { dir[d].started < ATTEMPTS -> to = DEFERRED }
        :: atomic { dir[d].started >= ATTEMPTS -> to = FAILED }
        fi;

publish:
        atomic {
            if /* X.job is there by our path, else it is no longer ours */
            :: IS_PATH(d, w, t) && HOLDS(d) -> skip
            :: else -> goto settled
            fi
        };
        atomic {
            if
            :: to == DEFERRED -> skip
            :: to != DEFERRED && IS_PATH(d, w, t) -> dir[d].result = true; dir[d].foreign = false
            :: to != DEFERRED && !IS_PATH(d, w, t) && dir[d].place == RUNNING && cached < CACHED ->
                cached++;
                dir[d].result = true;
                dir[d].foreign = true
            :: to != DEFERRED && !IS_PATH(d, w, t) -> goto settled
            fi
        };
        atomic {
            if
            :: do_move(w, d, t, to, did); answer(did, reply)
            :: late < LATE && !flying -> fly(to, NONE, d, t, w)
            fi
        };
        if
        :: atomic { IS_PATH(d, w, t) -> goto publish } /* once more, until it is done */
        :: atomic { !IS_PATH(d, w, t) -> goto settled }
        fi;

settled:
        if
        :: atomic { fence != NONE -> goto empty_fence }
        :: atomic { fence == NONE -> d = 0; goto turn }
        fi;

adopt:
        atomic {
            v = 0;
            do
            :: v < NAMES && !IS_PREY(v) -> v++
            :: v < NAMES && IS_PREY(v) -> break
            :: v < NAMES && IS_PREY(v) -> v++
            :: v == NAMES -> goto turn
            od;
            if
            :: killed[whose[v]] -> skip
            :: else -> wrong++
            fi;
            listed = 0;
            do
            :: listed < DIRS && dir[listed].place != UNMADE -> listed++
            :: else -> break
            od
        };
next_token:
        atomic {
            if
            :: ANY(IS_OF_V) -> FIRST(IS_OF_V, fence); turn_of_fence = dir[fence].turn
            :: !ANY(IS_OF_V) ->
                if /* rmdir of running/V */
                :: ANY(IS_LEFT) -> skip
                :: else -> home[v] = false
                fi;
                v = 0;
                listed = 0;
                goto turn
            fi;
            if /* an empty one goes by rmdir */
            :: !HOLDS(fence) && !dir[fence].started && !dir[fence].result -> skip
            :: else -> goto fence_it
            fi;
#ifdef NO_RMDIR
        }; /* but recursively, by what was seen in it */
        atomic {
#endif
            dir[fence].place = REMOVED;
            fence = NONE;
            goto next_token
        };
fence_it:
#ifdef NO_FENCE
        skip;
#else
        atomic {
            if
            :: IS_PATH(fence, v, turn_of_fence) && home[w] ->
                dir[fence].owner = w;
                dir[fence].turn++;
                turn_of_fence++
            :: else -> fence = NONE; v = 0; listed = 0; goto turn
            fi
        };
#endif
#ifdef NO_FRESH
        atomic { HOLDS(fence) -> d = fence; t = turn_of_fence; fence = NONE; goto claimed }
#endif

empty_fence: /* each job in it moves to a fresh TOKEN, then it is removed */
        atomic {
            if
            :: !IS_MINE(fence) -> fence = NONE; goto turn
            :: IS_MINE(fence) && HOLDS(fence) -> make_dir(w, e)
            :: IS_MINE(fence) && !HOLDS(fence) -> goto remove
            fi;
            if
            :: e == NONE -> fence = NONE; goto turn
            :: else -> dir[e].started = dir[fence].started
            fi
        };
        atomic { /* the rename of X.job; what was answered does not matter, its place does */
            if
            :: IS_AT(e, w) && file[0] == fence -> file[0] = e
#if JOBS == 2
            :: IS_AT(e, w) && file[1] == fence -> file[1] = e
#endif
            :: else -> fence = NONE; goto turn
            fi;
            d = e;
            t = dir[e].turn;
            goto claimed
        };
remove:
        atomic {
            if
            :: !IS_MINE(fence) -> fence = NONE; goto turn
            :: IS_MINE(fence) && HOLDS(fence) -> goto empty_fence
            :: IS_MINE(fence) && !HOLDS(fence) ->
                dir[fence].place = REMOVED;
                fence = NONE;
                goto turn
            fi
        }
    } unless { killed[me] };
over:
    skip
}

init
{
    byte i;
    atomic {
        for (i : 0 .. DIRS - 1) { dir[i].place = UNMADE }
        for (i : 0 .. JOBS - 1) { file[i] = IN_PENDING }
        names = WORKERS;
        for (i : 0 .. WORKERS - 1) { home[i] = true; whose[i] = i; run Worker(i) }
        i = 0
    }
}
