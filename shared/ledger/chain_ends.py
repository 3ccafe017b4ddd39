"""What of a chain must not be sent any more, as the gate and people ask it."""


def over(chain: str) -> str:
    """SQL that says in a sentence why nothing of a chain is sent any more; null while something may be.

    What a report has made known counts from the moment it is committed, whether the relay has looked at it or not.
    Asked only where there is a chain: of almost every delivery it costs a comparison with null.

    Parameters:
        chain: SQL for the chain's id, null where there is none.
    """
    return f"""
        CASE WHEN {chain} IS NOT NULL THEN (
            SELECT CASE WHEN c.state = 'cancelled' THEN 'Its chain was cancelled.'
                        ELSE 'The chain has already succeeded by ' || coalesce(c.reached_by, r.channel) || '.' END
            FROM chains c LEFT JOIN LATERAL (
                SELECT n.channel FROM chain_news n WHERE n.chain_id = c.id AND n.level >= c.goal ORDER BY n.id LIMIT 1
            ) r ON c.reached_by IS NULL
            WHERE c.id = {chain}
              AND (c.state IN ('cancelled', 'succeeded') OR (c.reached_by IS NULL AND r.channel IS NOT NULL))) END"""
