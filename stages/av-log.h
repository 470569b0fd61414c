/* What libav says, for messages: its lines go to the stage's debug talk, and the first complaint is kept, because it is the one
 * that names the cause.
 */
#ifndef FL_AV_LOG_H
#define FL_AV_LOG_H

struct fl_stage;

/* From now on libav's lines are `stage`'s. Once, in open. */
void fl_av_log_attach(struct fl_stage *stage);
/* Before the stage goes away. */
void fl_av_log_detach(void);

/* Forgets what was complained of so far. */
void fl_av_log_clear(void);

/* Error lines so far, cleared or not. Any thread. */
unsigned fl_av_log_complaints(void);

/* The first complaint since then, without line feed and full stop; where there was none, the words for `error` (an AVERROR).
 * Any thread. Valid until the next call on the same thread. */
const char *fl_av_log_reason(int error);

/* A negative errno for an AVERROR (0 for what is no error): libav's own codes become -EBADMSG, -ENOENT, -ENOTSUP, -EIO, … */
int fl_av_errno(int averror);

#endif
