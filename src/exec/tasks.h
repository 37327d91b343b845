/* The tasks of fettle-exec: what a child does between HELLO and its end. */
#ifndef FETTLE_EXEC_TASKS_H
#define FETTLE_EXEC_TASKS_H

#include <fettle/plan.h>

#include "exec/session.h"

/* ftl_image.run of the real executor. */
void ftl_tasks_run(struct ftl_wire *job, uint32_t layers);

/* The engine's limits: those of "limits" in the body, defaults otherwise. SPEC for absurd ones. */
enum ftl_code ftl_tasks_limits(const cJSON *body, struct ftl_limits *ret,
                               struct ftl_err *err) FTL_CHECK;

/* {"libavcodec": "59.37.100", …}; caller frees. */
cJSON *ftl_tasks_versions(void);

/* One per kind: the result in *ret, which the caller frees. */
enum ftl_code ftl_task_info(struct ftl_session *session, const struct ftl_session_task *task,
                            cJSON **ret, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_task_probe(struct ftl_session *session, const struct ftl_session_task *task,
                             cJSON **ret, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_task_run(struct ftl_session *session, const struct ftl_session_task *task,
                           cJSON **ret, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_task_verify(struct ftl_session *session, const struct ftl_session_task *task,
                              cJSON **ret, struct ftl_err *err) FTL_CHECK;

#endif
