/* keeper_rules.c - whom the service manager is asked to wait for.
 *
 * Who is not spoken for is ended by the manager, and what it has in hand is begun anew. That is
 * right for a worker that hangs by itself, and wrong where another would hang as well.
 *
 * An error of the spool is a reason to wait, as for `takeup watchdog`: where no file can be made no
 * worker can beat, and a call to a share that is half gone may take its time before it fails.
 *
 * A child that died over its look is no reason. It ran, and no call held it: so the spool is not
 * what holds the worker, and the next one is there a second later. One that could not even be
 * forked (there is no memory, or no room for a process) is a reason. Nothing is known then, neither
 * of the spool nor of the worker; a worker that was ended could not be started anew either, and
 * what it has in hand would be lost for a shortage that passes. If it does hang, that is found when
 * the shortage is over. */
#include "worker/keeper_rules.h"

#include "base/mem.h"

#include <stddef.h>

char *keeper_excuse(enum keeper_sight sight, bool is_in_a_call, const char *problem)
{
    switch (sight) {
    case SIGHT_TROUBLE:
        return mem_printf("waits: %s", problem);
    case SIGHT_SILENT:
        return mem_strdup("waits: the filesystem of the spool does not answer");
    case SIGHT_BLIND:
        return mem_printf("waits: whether the spool answers cannot be told: %s", problem);
    case SIGHT_NONE:
    case SIGHT_WELL:
    case SIGHT_DIED:
    case SIGHT_COUNT:
        break;
    }
    return is_in_a_call ? mem_strdup("waits: the worker is in a call that cannot be interrupted")
                        : NULL;
}
