"""How the providers of a cluster are, as its workers know them."""

from collections.abc import Mapping
from math import ceil

from crier.local.checks import Check
from shared.broker import redis_url
from shared.providers.permission import Breaker, Standing
from shared.providers.permission_redis import RedisPermission
from shared.settings import EngineSettings, load_one


def providers(environment: Mapping[str, str]) -> list[Check]:
    """One check a provider or destination that is not as it should be; one for all when all are. None without Redis."""
    url = redis_url(load_one(EngineSettings, environment))
    if url is None:
        return []
    known = RedisPermission(url).known()
    if not known:
        return [Check("providers", "ok", "None fails, by what is known of them.")]
    return [_check(subject, standing) for subject, standing in known.items()]


def _check(subject: str, standing: Standing) -> Check:
    wait = f"{ceil(standing.wait)} s"
    match standing:
        case Standing(breaker=Breaker.OPEN):
            remedy = "See why with `crier logs`; messages go to the next provider of the route, or wait."
            return Check(subject, "warn", f"It fails, and is only probed: the next time in {wait}.", remedy)
        case Standing(breaker=Breaker.WAITING):
            return Check(subject, "warn", f"It asked not to be called for another {wait}.")
        case Standing(slow=True):
            remedy = "Its own status page may say why."
            return Check(subject, "warn", "It takes messages and does not report on them: others go first.", remedy)
    return Check(subject, "ok", f"It works; of its last calls {standing.failures} failed in a row.")
