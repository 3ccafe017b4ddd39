"""How large databases are, what in them is waste, and what to do about it: as data, and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from services.cleanup.declared.catalog import Connection, connected, yielding

_TIMEOUT = 120.0
_SOME = 10_000_000  # bytes from which waste is worth a word
_SHARE = 0.3

_DATABASE = (
    "SELECT now(), current_database()::text, pg_database_size(current_database()), current_setting('autovacuum')"
)
# What the rows need, by the widths that ANALYZE saw: 24 bytes of header and 4 of pointer a row, aligned to 8, on pages
# of 8192 with 24 of header. An estimate: without statistics there is none.
_TABLES = """
    WITH widths AS (
        SELECT schemaname, tablename, sum((1 - null_frac) * avg_width) AS width FROM pg_stats GROUP BY 1, 2)
    SELECT s.schemaname::text || '.' || s.relname::text AS name,
           greatest(c.reltuples, 0)::bigint AS rows,
           pg_table_size(s.relid) AS table_bytes, pg_indexes_size(s.relid) AS index_bytes,
           CASE WHEN w.width IS NULL OR c.reltuples < 1 THEN NULL
                ELSE greatest(0, pg_relation_size(s.relid)
                     - ceil(c.reltuples * (28 + 8 * ceil(w.width / 8)) / 8168) * 8192)::bigint END AS bloat_bytes,
           s.n_live_tup AS live, s.n_dead_tup AS dead,
           s.n_tup_ins AS inserted, s.n_tup_upd AS updated, s.n_tup_del AS deleted,
           greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at,
           greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
           coalesce(s.seq_scan, 0) AS whole_reads, coalesce(s.idx_scan, 0) AS index_reads,
           age(c.relfrozenxid) AS transactions_since_freeze
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    LEFT JOIN widths w ON w.schemaname = s.schemaname AND w.tablename = s.relname
    ORDER BY pg_total_relation_size(s.relid) DESC
"""
# A B-tree's leaf: 16 bytes an entry and its key, pages nine tenths full.
_INDEXES = """
    SELECT s.schemaname::text || '.' || s.indexrelname::text AS name,
           pg_relation_size(s.indexrelid) AS bytes, s.idx_scan AS reads,
           i.indisunique AS is_unique, i.indisvalid AS is_valid,
           CASE WHEN a.amname <> 'btree' OR c.reltuples < 1 OR k.width IS NULL THEN NULL
                ELSE greatest(0, pg_relation_size(s.indexrelid)
                     - ceil(c.reltuples * (16 + 8 * ceil(k.width / 8)) / 7350 + 1) * 8192)::bigint END AS bloat_bytes
    FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
    JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_am a ON a.oid = c.relam
    LEFT JOIN LATERAL (
        SELECT sum((1 - p.null_frac) * p.avg_width) AS width FROM pg_attribute t
        JOIN pg_stats p ON p.schemaname = s.schemaname AND p.tablename = s.relname AND p.attname = t.attname
        WHERE t.attrelid = s.relid AND t.attnum = ANY (i.indkey)) k ON true
    ORDER BY 2 DESC
"""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something to do. `statement` is SQL that does it, where there is such."""

    about: str
    says: str
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """One database.

    Parameters:
        since: when the report was made with which this one is compared; `growth_bytes` and that of each table are
            since then, and None without one.
    """

    name: str
    database: str
    taken_at: datetime
    bytes: int
    since: str | None
    growth_bytes: int | None
    tables: Sequence[Mapping[str, Any]]
    indexes: Sequence[Mapping[str, Any]]
    recommendations: Sequence[Recommendation] = field(default=())


def survey(name: str, url: str, before: Mapping[str, Any] | None, lock_timeout: float) -> DatabaseReport:
    """Look at a database; nothing in it is changed, and no table is read.

    Parameters:
        name: what the file of policies calls it.
        before: the same from an earlier report, as JSON has it.
    """
    with connected(url) as connection, yielding(connection, lock_timeout, _TIMEOUT):
        connection.execute("SET TRANSACTION READ ONLY")
        taken_at, database, size, autovacuum = connection.execute(_DATABASE).fetchall()[0]
        tables, indexes = _rows(connection, _TABLES), _rows(connection, _INDEXES)
    earlier = {one["name"]: one["table_bytes"] + one["index_bytes"] for one in before["tables"]} if before else {}
    for one in tables:
        known = earlier.get(one["name"])
        one["growth_bytes"] = None if known is None else one["table_bytes"] + one["index_bytes"] - known
    advice = [] if autovacuum == "on" else [Recommendation(database, "Autovacuum is off: nothing else clears up.")]
    return DatabaseReport(
        name, database, taken_at, size,
        before["taken_at"] if before else None, size - before["bytes"] if before else None,
        tables, indexes, [*advice, *_on_tables(tables), *_on_indexes(indexes)],
    )  # fmt: skip


def as_json(reports: Sequence[DatabaseReport]) -> dict[str, Any]:
    """What a program reads, and the next report is compared with."""
    return {"v": 1, "databases": [asdict(one) for one in reports]}


def as_html(reports: Sequence[DatabaseReport]) -> str:
    """What people read: one file, nothing loaded from elsewhere."""
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page.filters["size"] = readable
    return page.from_string((files(__package__) / "report.html").read_text()).render(reports=reports)


def readable(size: int | None) -> str:
    """Bytes as a person says them: `1.4 GB`, `-3 MB`."""
    if size is None:
        return "–"
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if abs(size) >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _rows(connection: Connection, statement: str) -> list[dict[str, Any]]:
    cursor = connection.execute(statement)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _on_tables(tables: Sequence[Mapping[str, Any]]) -> Iterator[Recommendation]:
    for one in tables:
        name, dead = one["name"], one["dead"]
        quoted = _quoted(name)
        if dead > 1000 and dead > 0.2 * (one["live"] + dead):
            share = dead / (one["live"] + dead)
            yield Recommendation(name, f"{dead:,} rows are dead, {share:.0%} of all.", f"VACUUM (ANALYZE) {quoted};")
        if _wasted(one["bloat_bytes"], one["table_bytes"]):
            yield Recommendation(
                name,
                f"About {readable(one['bloat_bytes'])} of it is empty space. New rows fill it; to give it back to the "
                "disk, pg_repack does without a long lock what VACUUM FULL does with one.",
            )
        if one["live"] > 1000 and one["analyzed_at"] is None:
            yield Recommendation(name, "It was never analyzed: plans are guesses.", f"ANALYZE {quoted};")
        if one["live"] > 100_000 and one["whole_reads"] > 100 and one["whole_reads"] > one["index_reads"]:
            yield Recommendation(
                name, f"It was read as a whole {one['whole_reads']:,} times: is an index on what is asked for missing?"
            )
        if one["transactions_since_freeze"] > 1_000_000_000:
            yield Recommendation(name, "It was not frozen for a billion transactions.", f"VACUUM (FREEZE) {quoted};")
        growth = one["growth_bytes"]
        if growth and growth > _SOME and growth > 0.5 * (one["table_bytes"] + one["index_bytes"] - growth):
            yield Recommendation(name, f"It grew by {readable(growth)} since the last report: does a policy keep it?")


def _on_indexes(indexes: Sequence[Mapping[str, Any]]) -> Iterator[Recommendation]:
    for one in indexes:
        name = one["name"]
        quoted = _quoted(name)
        if not one["is_valid"]:
            yield Recommendation(
                name, "It is invalid: it is written to and never read.", f"DROP INDEX CONCURRENTLY {quoted};"
            )
        elif _wasted(one["bloat_bytes"], one["bytes"]):
            yield Recommendation(
                name, f"About {readable(one['bloat_bytes'])} of it is empty.", f"REINDEX INDEX CONCURRENTLY {quoted};"
            )
        elif not one["reads"] and not one["is_unique"] and one["bytes"] > _SOME:
            yield Recommendation(
                name,
                f"It takes {readable(one['bytes'])} and was never read on this server; do replicas read it?",
                f"DROP INDEX CONCURRENTLY {quoted};",
            )


def _wasted(bloat: int | None, size: int) -> bool:
    return bloat is not None and bloat > _SOME and bloat > _SHARE * size


def _quoted(name: str) -> str:
    schema, _, table = name.partition(".")
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in (schema, table))
