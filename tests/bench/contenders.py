# SPDX-License-Identifier: MIT
"""Who loads the rows. Each turn of a contender is

    prepare()       its input, a round early, so that it has settled when its clock starts
    reset()         empty tables
    wait_ready()
    commands()      what the clock runs
    verify()        the table holds exactly the data's rows; returns how many
    clean()
"""
import collections
import datetime
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import time

from cluster import ROOT, clean_environment
from data import COLUMNS, FIRST_DAY, QUARTERS
from measure import Command

HERE = pathlib.Path(__file__).resolve().parent
SETTLES = 2.1  # seconds; a file that changed less than 2 s ago may still be written (spool/scan.h)
PSQL = ("-X", "-q", "-v", "ON_ERROR_STOP=1")
LEAF = ROOT / "db" / "queries" / "leaf_create.sql"
LEDGER = ("ingestion_manifest", "ingestion_segment", "ingestion_reject")


class Site:
    """A schema that one binary has migrated, and a place for its spools."""

    def __init__(self, cluster, folder, binary, schema):
        self.cluster, self.binary, self.schema = cluster, binary, schema
        self.folder = folder / schema
        self.folder.mkdir()
        self.spools = 0
        self.run("migrate", spool=self.folder / "none")
        self.connection = cluster.connect(schema)

    def environment(self, spool, config=None):
        if config is None:
            config = self.folder / "empty.yaml"
            config.write_text("schema: public\n")  # SPOOLGATE_SCHEMA wins
        return {**clean_environment(), "HOME": str(self.folder), "SPOOLGATE_CONFIG": str(config), "SPOOLGATE_HTTP_LISTEN": "off",
                "SPOOLGATE_SPOOL": str(spool), "SPOOLGATE_DATABASE": self.cluster.url,
                "SPOOLGATE_SCHEMA": self.schema}

    def run(self, *args, spool, config=None, check=True):
        done = subprocess.run([self.binary, *args], env=self.environment(spool, config), capture_output=True, text=True,
                              cwd=self.folder, stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def new_spool(self):
        """Fresh: ext4 takes ten times as long to create files in a folder that has seen many go."""
        self.spools += 1
        spool = self.folder / f"spool-{self.spools}"
        (spool / "incoming").mkdir(parents=True)
        return spool

    def query(self, sql, *params):
        cursor = self.connection.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []

    def truncate(self, stream):
        self.query(f"TRUNCATE {', '.join((stream, *LEDGER))}")

    def make_leaves(self, stream, days, first=FIRST_DAY):
        """Partitions as ours makes them, by its own SQL, so that they are there for all alike."""
        script = [f"\\set table {stream}"]
        for day in (first + datetime.timedelta(days=number) for number in range(days)):
            script += [f"\\set leaf {stream}_{day:%Y_%m_%d}", f"\\set from {day}T00:00Z",
                       f"\\set to {day + datetime.timedelta(days=1)}T00:00Z", f"\\i {LEAF}"]
        if not self.query(f"SELECT to_regclass('{stream}_{day:%Y_%m_%d}')")[0][0]:
            subprocess.run(["psql", *PSQL, "-d", self.cluster.url], input="\n".join(script), text=True, check=True,
                           env=self.psql_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def psql_environment(self):
        return {**clean_environment(), "PGOPTIONS": f"-c search_path={self.schema}"}

    def verify(self, data):
        """Exactly these rows, whoever loaded them: counted, summed up, and hashed without their batch."""
        columns = ", ".join(COLUMNS[data.stream][:-1])
        rows, quarters, digest = self.query(
            f"SELECT count(*), {QUARTERS[data.stream]}, sum(hash_record_extended(ROW({columns}), 0)) FROM {data.stream}")[0]
        data.digest = data.digest or digest
        want = (data.rows, data.quarters, data.digest)
        if (rows, quarters, digest) != want:
            raise RuntimeError(f"rows, sum, hash: want {want}, got {(rows, quarters, digest)}")
        return rows

    def close(self):
        self.connection.close()
        self.cluster.execute(f'DROP SCHEMA "{self.schema}" CASCADE')
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Contender:
    def __init__(self, name, site, data):
        self.name, self.site, self.data = name, site, data
        self.make_tables()

    def make_tables(self):
        """What the schema doesn't have yet."""
        self.site.make_leaves(self.data.stream, self.data.days)

    def prepare(self):
        pass

    def reset(self):
        self.site.truncate(self.data.stream)

    def wait_ready(self):
        pass

    def verify(self):
        return self.site.verify(self.data)

    def clean(self):
        self.reset()


class Psql(Contender):
    """`psql \\copy`: of the one file into the parent, or of each day's file into its own leaf at once."""

    def __init__(self, name, site, data, form="binary"):
        super().__init__(name, site, data)
        self.form = form
        self.files = data.by_day() if form == "leaves" else [getattr(data, form)()]

    def commands(self):
        tables = [self.data.stream] if self.form != "leaves" else [
            leaf for leaf, in self.site.query("SELECT inhrelid::regclass::text FROM pg_inherits"
                                              " WHERE inhparent = %s::regclass ORDER BY 1", self.data.stream)]
        return [self.command(table, file) for table, file in zip(tables, self.files)]

    def command(self, table, file):
        copy = (f"\\copy {table} ({', '.join(COLUMNS[self.data.stream])}) from '{file}'"
                f" with (format {'csv' if self.form == 'csv' else 'binary'})")
        return Command(["psql", *PSQL, "-d", self.site.cluster.url, "-c", copy],
                       self.site.psql_environment, self.site.folder)


class Ours(Contender):
    """`spoolgate drain --force` on a spool that holds the data's segments."""

    def __init__(self, name, site, data, *, segments, loaders=1, gate=""):
        """segments: the folder that holds them; gate: keys of the gate, as YAML."""
        super().__init__(name, site, data)
        self.spool = self.settled = None
        self.prepared = collections.deque()
        self.loaders = ["--loaders", str(loaders)] if has_loaders(site.binary) else []
        stem = name.replace(" ", "-").replace("/", "-")
        self.config = site.folder / f"{stem}.yaml"
        self.config.write_text(f"gates: {{default: {{{gate}}}}}\n")
        self.stores = itertools.cycle(self.copies(segments, site.folder / stem))

    @staticmethod
    def copies(segments, stem):
        """Spools are filled with links, to files of its own, and to others in each second turn: a link,
        a rename or an unlink of the turn before makes a file look changed just now."""
        return [shutil.copytree(segments, f"{stem}-{number}") for number in range(2)]

    def prepare(self):
        spool = self.site.new_spool()
        self.fill(spool / "incoming")
        self.prepared.append((spool, time.monotonic() + SETTLES))

    def fill(self, incoming):
        store = next(self.stores)
        for name in sorted(os.listdir(store)):
            os.link(f"{store}/{name}", incoming / name)

    def wait_ready(self):
        self.spool, self.settled = self.prepared.popleft()
        time.sleep(max(0, self.settled - time.monotonic()))

    def commands(self):
        return [Command([self.site.binary, "drain", "--force", *self.loaders],
                        self.site.environment(self.spool, self.config), self.site.folder)]

    def verify(self):
        self.check_taken()
        return super().verify()

    def check_taken(self):
        if any((self.spool / "incoming").iterdir()):
            raise RuntimeError(f"{self.name}: segments are left in incoming/")

    def clean(self):
        super().clean()
        shutil.rmtree(self.spool)


def has_loaders(binary):
    """Whether its `drain` can be told how many batches to load at once."""
    done = subprocess.run([binary, "drain", "--help"], capture_output=True, text=True, check=False)
    return "--loaders" in done.stdout


class Replayer(Contender):
    """replayer.py: what people write today."""

    def __init__(self, name, site, data, *, segments, form):
        super().__init__(name, site, data)
        self.segments, self.form = segments, form

    def commands(self):
        return [Command([sys.executable, HERE / "replayer.py", "--format", self.form, "--table", self.data.stream,
                         "--database", self.site.cluster.url, self.segments],
                        self.site.psql_environment, self.site.folder)]
