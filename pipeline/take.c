/* Lanes for those outside. Whatever a guest does, or whatever becomes of it, costs the spare slots it was given and nothing more.
 *
 *   ASKED    its region of returns is with the client, to be mapped
 *     --the client's MAPPED--> MAPPING  sealed; the region of announcements is with the stage
 *     --the stage's MAPPED--> OPEN      LANE to the stage, ATTACHED and pools to the client
 *     --the client hangs up or is cut off; the stage finds fault; the process is dead--> LEAVING  LANE_STOP to the stage
 *     --the stage's LANE_LEFT: everything has come back--> (gone)
 *   LEAVING, when the process is dead (its pidfd says so): LANE_DOWN to the stage
 *   any      --the stage's end--> (gone)
 *
 * A guest in ASKED that hangs up is gone at once; in MAPPING when the stage has answered. Until it is gone its credits are spent.
 */
#include "door.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

enum guest_state { ASKED, MAPPING, OPEN, LEAVING };

struct FlGuest {
    FlDoor *door;
    FlRunStage *stage; /* whose output it is */
    unsigned port;
    FlClient *client; /* NULL: it has hung up */
    enum guest_state state;
    struct fl_lane_info lane;
    int returns;           /* its region, -1 once the stage has it */
    FlRunRegion *announce; /* in the run's regions, NULL once the guest has it */
    pid_t pid;
    int pidfd;
    guint death_source;
    gboolean dead;
};

void fl_guest_free(gpointer data)
{
    FlGuest *guest = data;
    if (guest->client)
        guest->client->guest = NULL;
    if (guest->death_source)
        g_source_remove(guest->death_source);
    if (guest->announce)
        g_hash_table_remove(guest->stage->run->regions, GUINT_TO_POINTER(guest->announce->id));
    if (guest->returns >= 0)
        close(guest->returns);
    if (guest->pidfd >= 0)
        close(guest->pidfd);
    g_free(guest);
}

static void forget(FlGuest *guest)
{
    fl_door_status_changed(guest->door);
    g_ptr_array_remove_fast(fl_door_guests(guest->door), guest);
}

void fl_door_each_guest(FlDoor *door, FlTellAttached *tell, gpointer data)
{
    static const char *const states[] = {
        [ASKED] = "attaching", [MAPPING] = "attaching", [OPEN] = "attached", [LEAVING] = "leaving"};
    for (guint i = 0; door && i < fl_door_guests(door)->len; i++) {
        const FlGuest *guest = g_ptr_array_index(fl_door_guests(door), i);
        tell(&(FlAttached){guest->stage, guest->port, guest->pid, guest->pidfd, states[guest->state], &guest->lane}, data);
    }
}

/* ---- how many frames guests may hold ---- */

/* TRUE where frames that the stage announces hold credits of this lane: it leads to the stage, or to one whose frames that passes
 * on. */
static gboolean carries(const FlRunLane *lane, const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    if (lane->unwired || lane->config->to_port != 0 || !lane->to->stream[0].forwards)
        return FALSE;
    if (lane->to == stage)
        return TRUE;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].from == lane->to && run->lanes[i].config->from_port == 0 && carries(&run->lanes[i], stage))
            return TRUE;
    return FALSE;
}

static unsigned less(unsigned from, unsigned what)
{
    return from > what ? from - what : 0;
}

static unsigned left_of_lane(FlDoor *door, const FlRunLane *lane)
{
    const FlBudgetLane *planned = &lane->from->run->budget->lanes[lane->info.id - 1];
    unsigned left = less(planned->credits, planned->least);
    for (guint i = 0; i < fl_door_guests(door)->len; i++) {
        const FlGuest *guest = g_ptr_array_index(fl_door_guests(door), i);
        if (guest->port == 0 && carries(lane, guest->stage))
            left = less(left, guest->lane.credits);
    }
    return left;
}

/* What is left of an output's spare slots. *tight: the lane that has no more to spare, NULL where it is the output itself. */
static unsigned spare_left(FlDoor *door, const FlRunStage *stage, unsigned port, const FlRunLane **tight)
{
    const FlRun *run = stage->run;
    unsigned left = stage->config->spare_slots;
    *tight = NULL;
    for (guint i = 0; i < fl_door_guests(door)->len; i++) {
        const FlGuest *guest = g_ptr_array_index(fl_door_guests(door), i);
        if (guest->stage == stage && guest->port == port)
            left = less(left, guest->lane.credits);
    }
    for (unsigned i = 0; port == 0 && i < run->lane_count; i++) {
        unsigned of_lane = carries(&run->lanes[i], stage) ? left_of_lane(door, &run->lanes[i]) : left;
        if (of_lane < left)
            *tight = &run->lanes[i];
        left = MIN(left, of_lane);
    }
    return left;
}

unsigned fl_door_guest_credits(const FlRun *run)
{
    unsigned credits = 0;
    for (guint i = 0; run->door && i < fl_door_guests(run->door)->len; i++)
        credits += ((const FlGuest *)g_ptr_array_index(fl_door_guests(run->door), i))->lane.credits;
    return credits;
}

/* ---- refusing ---- */

/* "held by process 4711", or "". */
static char *holders(const FlClient *client, const FlRunStage *stage, unsigned port)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < fl_door_guests(client->door)->len; i++) {
        const FlGuest *guest = g_ptr_array_index(fl_door_guests(client->door), i);
        if (guest->stage == stage && guest->port == port)
            g_string_append_printf(text, "%s%d", text->len ? ", " : " (held by process ", (int)guest->pid);
    }
    if (text->len)
        g_string_append_c(text, ')');
    return g_string_free(text, FALSE);
}

static void refuse_spare(FlClient *client, const FlRunStage *stage, unsigned port, unsigned needed, unsigned left,
                         const FlRunLane *tight)
{
    g_autofree char *by = holders(client, stage, port);
    if (tight)
        fl_client_refuse(
            client, -ENOSPC,
            "frames of '%s' come by lane %s -> %s, whose %u credits leave %u to guests, and %u would be needed%s: look "
            "on instead, or give that lane more credits",
            stage->config->name, tight->from->config->name, tight->to->config->name, tight->info.credits, left, needed, by);
    else if (*by)
        fl_client_refuse(client, -ENOSPC,
                         "of the %u spare slots of '%s' %u are left%s, and %u would be needed: wait until that process has "
                         "ended, look without holding frames (framelane view, framelane snap), or give the stage more "
                         "(spare-slots) when it is run again",
                         stage->config->spare_slots, stage->config->name, left, by, needed);
    else
        fl_client_refuse(
            client, -ENOSPC,
            "'%s' has %u spare slots, %u would be needed: %slook on instead, or give the stage more (spare-slots) when it "
            "is run again",
            stage->config->name, left, needed, left ? "ask for fewer credits, " : "");
}

/* ---- what it gets ---- */

static void send_map(FlClient *client, const FlGuest *guest)
{
    const FlRunStage *stage = guest->stage;
    struct fl_remote_map body = {.lane = guest->lane, .bytes = fl_lane_return_bytes(guest->lane.credits)};
    struct fl_control_stream head = stage->stream[guest->port];
    g_autoptr(GByteArray) tail = g_byte_array_new();
    gsize side_bytes;
    const void *side = g_bytes_get_data(stage->side[guest->port], &side_bytes);
    head.port = 0;
    g_strlcpy(head.from, stage->config->name, sizeof head.from);
    g_byte_array_append(tail, (const guint8 *)&head, sizeof head);
    g_byte_array_append(tail, side, (guint)side_bytes);
    fl_client_send_tail(client, FL_REMOTE_MAP, &body, sizeof body, tail->data, tail->len, guest->returns);
}

static void send_attached(FlGuest *guest, int ring, int hear)
{
    FlClient *client = guest->client;
    int fds[] = {guest->stage->stats_fd, guest->announce->fd, ring, hear};
    struct fl_remote_attached body = {
        .port = guest->port,
        .how = FL_REMOTE_TAKE,
        .roles = {FL_REMOTE_FD_STATS, FL_REMOTE_FD_ANNOUNCE, FL_REMOTE_FD_BELL_OUT, FL_REMOTE_FD_BELL_IN},
        .lane = guest->lane,
    };
    client->expects = FALSE;
    fl_door_status_changed(client->door);
    fl_client_send(client, FL_REMOTE_ATTACHED, &body, sizeof body, fds, G_N_ELEMENTS(fds));
    fl_door_tell_pools(client);
}

static void send_lane(FlGuest *guest, int ring, int hear)
{
    struct fl_control_lane body = {
        .info = guest->lane, .role = FL_LANE_PRODUCER, .port = guest->port, .own_region = guest->announce->id};
    int fds[] = {guest->returns, ring, hear};
    FlRunMessage message = {FL_CONTROL_LANE, &body, NULL, sizeof body, 0, fds, G_N_ELEMENTS(fds)};
    fl_run_send(guest->stage, &message);
}

static void send_event(FlGuest *guest, enum fl_control type)
{
    struct fl_control_lane_event body = {.lane = guest->lane.id, .epoch = guest->lane.epoch};
    FlRunMessage message = {type, &body, NULL, sizeof body, 0, NULL, 0};
    fl_run_send(guest->stage, &message);
}

/* ---- leaving ---- */

static void part_from_client(FlGuest *guest)
{
    if (guest->client)
        guest->client->guest = NULL;
    guest->client = NULL;
}

static void leave(FlGuest *guest)
{
    part_from_client(guest);
    if (guest->state == ASKED) {
        forget(guest);
    } else if (guest->state == OPEN) {
        guest->state = LEAVING;
        fl_door_status_changed(guest->door);
        send_event(guest, FL_CONTROL_LANE_STOP);
        if (guest->dead)
            send_event(guest, FL_CONTROL_LANE_DOWN);
    }
}

void fl_guest_hangs_up(FlGuest *guest)
{
    if (guest)
        leave(guest);
}

static gboolean on_death(gint fd, GIOCondition condition, gpointer data)
{
    FlGuest *guest = data;
    guest->dead = TRUE;
    guest->death_source = 0;
    if (guest->client)
        fl_client_cut_off(guest->client);
    if (guest->state == LEAVING)
        send_event(guest, FL_CONTROL_LANE_DOWN);
    else
        leave(guest);
    return G_SOURCE_REMOVE;
}

/* The client is no guest any more, and can ask for another lane; NULL: it has hung up. */
static FlClient *let_go_of_client(FlGuest *guest)
{
    FlClient *client = guest->client;
    part_from_client(guest);
    if (!client)
        return NULL;
    g_clear_handle_id(&guest->death_source, g_source_remove);
    client->pidfd = guest->pidfd; /* its next guest's */
    guest->pidfd = -1;
    client->expects = FALSE;
    client->seen = NULL;
    return client;
}

/* The client hears why. */
static void refuse(FlGuest *guest, int error, const char *what)
{
    FlClient *client = let_go_of_client(guest);
    if (client)
        fl_client_refuse(client, error, "%s: %s", what, g_strerror(-error));
}

/* ---- asking ---- */

static FlGuest *create(FlClient *client, FlRunStage *stage, unsigned port, const struct fl_lane_info *lane, int returns)
{
    FlGuest *guest = g_new0(FlGuest, 1);
    guest->door = client->door;
    guest->stage = stage;
    guest->port = port;
    guest->client = client;
    guest->lane = *lane;
    guest->lane.id = stage->run->next_id++;
    guest->returns = returns;
    guest->pid = client->pid;
    guest->pidfd = client->pidfd;
    client->pidfd = -1;
    client->guest = guest;
    guest->death_source = g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, guest->pidfd, G_IO_IN, on_death, guest, NULL);
    g_ptr_array_add(fl_door_guests(guest->door), guest);
    return guest;
}

static void begin(FlClient *client, FlRunStage *stage, unsigned port, const struct fl_lane_info *lane)
{
    int returns = fl_shm_mint("framelane-guest-return", fl_lane_return_bytes(lane->credits));
    if (returns < 0) {
        g_autofree char *reason = fl_reason_text(returns);
        fl_client_refuse(client, returns, "no shared memory for a lane: %s", reason);
        return;
    }
    client->seen = stage;
    client->seen_port = port;
    client->expects = TRUE;
    send_map(client, create(client, stage, port, lane, returns));
}

static gboolean is_wired(const FlRunStage *stage, unsigned port)
{
    for (unsigned i = 0; i < stage->run->lane_count; i++) {
        const FlRunLane *lane = &stage->run->lanes[i];
        if (lane->from == stage && lane->config->from_port == port && !lane->unwired)
            return TRUE;
    }
    return FALSE;
}

/* The output that is meant: the stage's own, or, where it gives no pictures, the one that it takes from. */
static FlRunStage *find_output(FlRunStage *stage, unsigned *port)
{
    if (is_wired(stage, *port) || *port != 0)
        return stage;
    for (unsigned i = 0; i < stage->run->lane_count; i++) {
        const FlRunLane *lane = &stage->run->lanes[i];
        if (lane->to == stage && lane->config->to_port == 0 && !lane->unwired) {
            *port = lane->config->from_port;
            return lane->from;
        }
    }
    return stage;
}

static void ask(FlClient *client, FlRunStage *stage, unsigned port, const struct fl_remote_attach *asked)
{
    const FlRunLane *tight;
    unsigned left = spare_left(client->door, stage, port, &tight);
    unsigned least = asked->when_full == FL_WHEN_FULL_LATEST ? FL_BUDGET_LATEST : 1;
    unsigned credits = asked->credits ? asked->credits : MIN(left, FL_BUDGET_SPARE);
    struct fl_lane_info lane = {.epoch = 1, .credits = credits, .when_full = asked->when_full, .guest = 1};
    if (asked->credits && asked->credits < least)
        fl_client_refuse(client, -EINVAL, "a lane of policy `latest` needs %u credits at least", least);
    else if (credits < least || credits > left)
        refuse_spare(client, stage, port, MAX(credits, least), left, tight);
    else
        begin(client, stage, port, &lane);
}

void fl_answer_take(FlClient *client, FlRunStage *stage, const struct fl_remote_attach *asked)
{
    unsigned port = asked->port;
    const char *name = stage->config->name;
    FlRunStage *giver = find_output(stage, &port);
    if (asked->when_full != FL_WHEN_FULL_DROP && asked->when_full != FL_WHEN_FULL_LATEST)
        fl_client_refuse(client, -EINVAL,
                         "a lane from outside may not be waited for, it could hold the run up: ask for drop or latest");
    else if (port >= FL_STAGE_MAX_PORTS || !giver->side[port] || !is_wired(giver, port))
        fl_client_refuse(client, -ENODEV, "'%s' has no frames that could be taken", name);
    else if (giver->life != FL_LIFE_RUNNING)
        fl_client_refuse(client, -ESRCH, "'%s' has ended", giver->config->name);
    else if (client->pidfd < 0)
        fl_client_refuse(
            client, -ESRCH,
            "the process that made this connection is gone, or cannot be watched (pidfd_open): only one that can be seen "
            "to die gets a lane");
    else
        ask(client, giver, port, asked);
}

/* ---- mapped ---- */

gboolean fl_answer_mapped(FlClient *client, const struct fl_remote_mapped *said)
{
    FlGuest *guest = client->guest;
    if (!guest || guest->state != ASKED)
        return FALSE;
    FlRunRegion like = {.kind = FL_REGION_ANNOUNCE, .writer = guest->stage, .port = guest->port, .later = TRUE};
    like.bytes = fl_lane_announce_bytes(guest->lane.credits);
    int error = CLAMP(said->error, -4095, 0);
    if (error == 0)
        error = fl_shm_seal(guest->returns, fl_lane_return_bytes(guest->lane.credits));
    if (error == 0)
        guest->announce = fl_run_mint(guest->stage->run, &like, TRUE, &error);
    if (guest->announce) {
        guest->state = MAPPING;
        client->stays = TRUE; /* it is the stage's turn */
    } else {
        refuse(guest, error, "the region of returns is not as it must be");
        forget(guest);
    }
    return TRUE;
}

static FlGuest *find_guest(FlDoor *door, const FlRunStage *stage, uint32_t lane, const FlRunRegion *announce)
{
    for (guint i = 0; door && i < fl_door_guests(door)->len; i++) {
        FlGuest *guest = g_ptr_array_index(fl_door_guests(door), i);
        if (guest->stage == stage && (announce ? guest->announce == announce : guest->lane.id == lane))
            return guest;
    }
    return NULL;
}

static int open_lane(FlGuest *guest)
{
    FlBells bells;
    int error = fl_bells_mint(&bells);
    if (error < 0)
        return error;
    if (guest->client)
        send_attached(guest, bells.ring[FL_BACK], bells.hear[FL_FORWARD]);
    send_lane(guest, bells.ring[FL_FORWARD], bells.hear[FL_BACK]);
    fl_bells_close(&bells);
    return 0;
}

void fl_door_announce_mapped(FlDoor *door, FlRunRegion *region, int error)
{
    FlGuest *guest = find_guest(door, region->writer, 0, region);
    if (!guest)
        return;
    if (error == 0)
        error = open_lane(guest);
    if (error < 0) {
        refuse(guest, error, "the stage cannot be given a lane");
        forget(guest);
        return;
    }
    g_hash_table_remove(guest->stage->run->regions, GUINT_TO_POINTER(region->id));
    guest->announce = NULL;
    close(guest->returns);
    guest->returns = -1;
    guest->state = OPEN;
    if (guest->client)
        return;
    guest->dead = TRUE; /* it has hung up before it had anything to hold */
    leave(guest);
}

/* ---- what the stage says of it ---- */

gboolean fl_door_take_fault(FlDoor *door, FlRunStage *stage, const struct fl_control_lane_event *event, const char *text)
{
    FlGuest *guest = find_guest(door, stage, event->lane, NULL);
    if (!guest)
        return FALSE;
    FlClient *client = guest->client;
    leave(guest);
    if (client) {
        fl_client_refuse(client, -EBADMSG, "the lane is closed: '%s' says that its guest %s", stage->config->name, text);
        fl_client_cut_off(client);
    }
    return TRUE;
}

void fl_door_take_lane_left(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_lane_event *event = message->body;
    FlGuest *guest = find_guest(stage->run->door, stage, event->lane, NULL);
    if (guest && guest->state == LEAVING)
        forget(guest);
    else
        fl_run_broke(stage, "gives up a lane that it does not have");
}

void fl_door_guests_end(FlDoor *door, const FlRunStage *stage)
{
    for (guint i = door ? fl_door_guests(door)->len : 0; i-- > 0;) {
        FlGuest *guest = g_ptr_array_index(fl_door_guests(door), i);
        if (guest->stage != stage)
            continue;
        if (guest->state < OPEN)
            refuse(guest, -ESRCH, "the stage has ended");
        let_go_of_client(guest); /* an open lane says by itself that it is over */
        forget(guest);           /* what its client holds stays whole for as long as it is mapped there */
    }
}
