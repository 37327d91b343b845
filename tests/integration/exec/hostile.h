/* Tasks that misbehave: the body says which, {"act": "segv"}. */
#ifndef FETTLE_TESTS_HOSTILE_H
#define FETTLE_TESTS_HOSTILE_H

#include "exec/session.h"

struct act {
    const char *name;
    void (*run)(struct ftl_session *session, const struct ftl_session_task *task);
};

/* DONE {"said": text}; ends the process. */
_Noreturn void say(struct ftl_session *session, const char *text);
/* The same with the name of errno, or "allowed" where `result` is not an error. */
_Noreturn void say_result(struct ftl_session *session, long result);

extern const struct act wire_acts[]; /* ended by {NULL}: lies on the wire (hostile_wire.c) */

#endif
