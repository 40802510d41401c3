"""From a ``cassandra:`` URL to a backend: options, keyspace, tables."""

from __future__ import annotations

import re

from treering.backend.cassandra.backend import CassandraBackend
from treering.backend.cassandra.session import CassandraSession, Settings
from treering.backend.tls import take_tls
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL, NotAStore

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}\Z")
_STORE = re.compile(r"[A-Za-z0-9._~/-]{1,200}\Z")
_DATACENTERS = re.compile(r"([A-Za-z0-9._-]+:[1-9][0-9]?)(,[A-Za-z0-9._-]+:[1-9][0-9]?)*\Z")
_FACTOR = re.compile(r"[1-9][0-9]?\Z")
# A key is used once, so a deleted object that comes back, for want of a repair, is in nobody's way: verify(sweep=True)
# deletes it again. A day is longer than hints are kept.
_TABLES = {
    "treering_roots": "(store text PRIMARY KEY, root blob)",
    "treering_objects": (
        "(store text, location blob, part blob, value blob, PRIMARY KEY ((store, location), part))"
        " WITH gc_grace_seconds = 86400"
    ),
}


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> CassandraBackend:
    """Open ``cassandra://HOST[:9042][,HOST...]/KEYSPACE``; other hosts are learned from these.

    The tables are made when ``create`` and the keyspace has none. Options:

    - ``store=NAME`` (``treering``): which store of the keyspace.
    - ``create_keyspace=3``, a replication factor, or ``create_keyspace=DC:3,DC:3``, one for each datacenter: make the
      keyspace where it is missing. One that is there stays as it is.
    - ``dc=NAME``: ask servers of this datacenter. ``local=true``: quorums are of this datacenter alone, for objects and
      for the root; then all writers of the store must be in it.
    - ``user=NAME`` with ``password_env=VARIABLE`` or ``password_file=PATH``.
    - ``tls=true``, ``ca_file=PATH``, ``cert_file=PATH``, ``key_file=PATH``; ``check_hostname=false`` goes with
      ``ca_file`` and accepts any certificate of that authority, whatever address it names.
    """
    hosts, keyspace = url.split_hosts(9042)
    if not _NAME.match(keyspace):
        raise InvalidStoreURL("a Cassandra store's URL names a keyspace: cassandra://HOST/KEYSPACE", url=url.shown)
    store = url.take_text("store") or "treering"
    if not _STORE.match(store):
        message = "a store's name is of letters, digits and . _ ~ / -, at most 200"
        raise InvalidStoreURL(message, url=url.shown, option="store", value=store)
    replication = _take_replication(url)
    settings = _take_settings(url, hosts, deadline_seconds)
    url.finish()
    session = CassandraSession(settings, keyspace)
    try:
        _prepare_keyspace(session, url, keyspace, replication if create else None, create=create)
    except BaseException:
        session.close()
        raise
    return CassandraBackend(session, f"{settings.shown}/{keyspace}?store={store}", store)


def _take_settings(url: StoreURL, hosts: list[tuple[str, int]], deadline_seconds: float) -> Settings:
    datacenter = url.take_text("dc")
    local = url.take_flag("local", default=False)
    if local and not datacenter:
        raise InvalidStoreURL("local=true goes with dc=NAME", url=url.shown, option="local")
    user, password = url.take_text("user"), url.take_secret("password")
    if (user is None) != (password is None):
        raise InvalidStoreURL("user goes with password_env or password_file", url=url.shown, option="user")
    check_hostname = url.take_flag("check_hostname", default=True)
    own_authority = "ca_file" in url.options
    tls = take_tls(url)
    if not check_hostname:
        if tls is None or not own_authority:
            raise InvalidStoreURL("check_hostname=false goes with ca_file", url=url.shown, option="check_hostname")
        tls.check_hostname = False
    shown = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts)
    return Settings(
        hosts=hosts,
        shown=f"cassandra://{shown}",
        deadline_seconds=deadline_seconds,
        datacenter=datacenter,
        local=local,
        user=user,
        password=password,
        tls=tls,
    )


def _take_replication(url: StoreURL) -> dict[str, str] | None:
    text = url.take_text("create_keyspace")
    if text is None:
        return None
    if _FACTOR.match(text):
        return {"class": "SimpleStrategy", "replication_factor": text}
    if not _DATACENTERS.match(text):
        message = "create_keyspace is a replication factor, or DATACENTER:FACTOR,DATACENTER:FACTOR"
        raise InvalidStoreURL(message, url=url.shown, option="create_keyspace", value=text)
    return {"class": "NetworkTopologyStrategy", **dict(item.split(":") for item in text.split(","))}


def _prepare_keyspace(
    session: CassandraSession, url: StoreURL, keyspace: str, replication: dict[str, str] | None, *, create: bool
) -> None:
    """See to it that keyspace and tables are there; what is there is left as it is."""
    if not session.execute("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,)):
        if replication is None:
            hint = "add create_keyspace=3 (replicas) or create_keyspace=DATACENTER:3 to the URL"
            raise NotAStore("the keyspace is not there", store=url.shown, keyspace=keyspace, hint=hint)
        options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS $keyspace WITH replication = {{{options}}}")
    rows = session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
    for table, definition in _TABLES.items():
        if (table,) not in rows:
            if not create:
                raise NotAStore("the keyspace has no treering tables", store=url.shown, keyspace=keyspace)
            session.execute(f"CREATE TABLE IF NOT EXISTS $keyspace.{table} {definition}")
