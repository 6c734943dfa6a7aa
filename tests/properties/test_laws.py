"""The laws of matching, over random rules and random streams.

A new rule costs some 0.4 s to compile and 0.03 s to run plain. So each law is tried on few examples here, compiled, and
the whole file once more in a process without the compiler, on many. ``CEP_EXAMPLES`` multiplies the numbers. A failure
prints the rules and a stream as short as can be.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import engine_adapter
import oracle
import pytest
from conftest import SCALE
from corpus.cases import in_nanoseconds
from engine_adapter import MIXED, ONE, WHOLE, Cut, comparable
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import cep
from properties.generate import arrivals, file_of, generator, rule_text, shrink, some_rules

SEEDS = st.integers(0, 2**62)
US = 1_000
HERE = Path(__file__).parent
CUTS = (Cut(WHOLE), Cut(ONE), Cut(1, 2), Cut(3), Cut(7, 7), Cut(MIXED), Cut(MIXED, 7))


PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"
compiled_only = pytest.mark.skipif(PLAIN, reason="this is the process without the compiler")


def examples(compiled, plain):
    """How many examples: so many compiled, so many plain."""
    return settings(max_examples=max(1, int((plain if PLAIN else compiled) * SCALE)))


def ask(text, rows, end, changes=()):
    """What the oracle finds; an example that is too much for it is drawn anew."""
    try:
        return oracle.run(text, rows, end, changes=changes)
    except oracle.TooManyError:
        return reject()


def expected(text, rows, end, changes=()):
    return [comparable(r) for r in ask(text, in_nanoseconds(text, rows), end, changes)]


def difference(text, rows, end, cut=Cut(), rules=None):  # noqa: B008
    """Where engine and oracle first differ, or None."""
    want = expected(text, rows, end)
    got = [comparable(r) for r in engine_adapter.run_rules(rules or cep.loads(text), rows, end, cut)]
    if want == got:
        return None
    n = next((i for i, (a, b) in enumerate(zip(want, got, strict=False)) if a != b), min(len(want), len(got)))
    return f"result {n} of {len(want)} / {len(got)}\n oracle {want[n : n + 1]}\n engine {got[n : n + 1]}"


def assert_agrees(text, rows, end, cut=Cut(), rules=None):  # noqa: B008
    """Engine and oracle agree; if not, the shortest stream that shows it is in the message."""
    rules = rules or cep.loads(text)
    if difference(text, rows, end, cut, rules):
        rows = shrink(rows, lambda fewer: difference(text, fewer, end, cut, rules) is not None)
        table = "\n".join(f"  {stream} {row}" for stream, row in rows)
        pytest.fail(f"{text}\nend={end}, {cut}\n{table}\n{difference(text, rows, end, cut, rules)}")


def example(seed, texts=some_rules):
    """A rule file, a stream for it, and an end, from a seed."""
    rng = generator("example", seed)
    late = rng.choice([0, 0, 3])
    text = file_of(texts(rng), late)
    return text, arrivals(rng, rng.choice([5, 20, 40]), late, rules=text), rng.choice(["open", "final"])


# ------------------------------------------------------------------------------------------ engine and oracle


@examples(16, 200)
@given(SEEDS)
def test_the_engine_finds_what_the_oracle_finds(seed):
    text, rows, end = example(seed)
    assert_agrees(text, rows, end, CUTS[seed % len(CUTS)])


@examples(4, 25)
@given(SEEDS)
def test_neither_cuts_nor_shards_change_a_byte(seed):
    text, rows, end = example(seed)
    rules = cep.loads(text)
    # a stream's events keep their order, and that is all that counts: whole tables and single events say the same
    want = everything(rules, rows, end, CUTS[0])
    for cut in CUTS[1:]:
        assert everything(rules, rows, end, cut) == want, f"{cut}\n{text}"


def everything(rules, rows, end, cut):
    """All that the results say, ids and all."""
    return engine_adapter.everything(engine_adapter.batches(rules, rows, end, cut))


# ------------------------------------------------------------------------------------------------ small cases

ATOMS = (
    'S as {a} where type = "A"',
    'S as {a} where type = "B"',
    "S as {a}",
    'S as {a} where type = "A" and v >= {p}.v',
)
COUNTS = ("", "2 ", "1 or more ", "0 or more ", "optional ")
WORDS = 60


def small_files():
    """Rules of up to three atoms, all of them in a fixed order that looks random; those that are lawful."""
    out = []
    for atoms in range(1, 4):
        for number in range((len(ATOMS) * len(COUNTS) * 2) ** atoms):
            digest = hashlib.sha256(f"{atoms} {number}".encode()).digest()
            if atoms < 3 or digest[0] == 0:
                out.append((digest, atoms, number))
    for _, atoms, number in sorted(out):
        parts, steps = [], []
        for n in range(atoms):
            number, atom = divmod(number, len(ATOMS))
            number, count = divmod(number, len(COUNTS))
            number, strict = divmod(number, 2)
            if "{p}" in ATOMS[atom] and (n == 0 or COUNTS[steps[-1]] not in ("", "optional ")):
                break
            if strict and (n == 0 or all(COUNTS[c] in ("0 or more ", "optional ") for c in steps)):
                break
            shape = ATOMS[atom].format(a=f"s{n}", p=f"s{n - 1}")
            parts.append(("" if n == 0 else "next " if strict else "then ") + COUNTS[count] + shape)
            steps.append(count)
        if len(parts) == atoms and any(COUNTS[c] not in ("0 or more ", "optional ") for c in steps):
            skip = " after match keep all" if atoms % 2 else ""
            yield f"rule R keyed by k when {' '.join(parts)} within 4 us{skip}\nemit R {{ k }}\n"


def small_streams():
    """Words of up to five events over A, B and C, with values and times: each is the stream of a key of its own."""
    rng = generator("words")
    rows = []
    for word in range(WORDS):
        time = 10 * word
        for _ in range(1 + word % 5):
            time += rng.choice([0, 1, 1, 2])
            rows.append((time, word, rng.choice("AABC"), rng.choice([0, 1, 1, 2])))
    rows.sort(key=lambda row: row[0])
    rest = {"f": None, "d": None, "ok": None}
    return [("S", {"ts": time, "k": str(word), "type": kind, "v": v, **rest}) for time, word, kind, v in rows]


def test_small_rules_agree_over_all_small_streams_at_once():
    rows = small_streams()
    for _, rules in zip(range(int((120 if PLAIN else 12) * SCALE)), small_files(), strict=False):
        assert_agrees(file_of(rules), rows, "final")


# ------------------------------------------------------------------------------------- laws beside the oracle


@examples(8, 40)
@given(SEEDS, st.integers(1, 10**9))
def test_a_shift_of_all_times_shifts_the_results(seed, shift):
    text, rows, end = example(seed)
    moved = [(stream, row | {"ts": row["ts"] + shift}) for stream, row in rows]
    want = [(r[0], r[1], r[2] + shift * US, *r[3:]) for r in expected(text, rows, end)]
    assert expected(text, moved, end) == want
    if seed % 4 == 0:
        assert [comparable(r) for r in engine_adapter.run(text, moved, end)] == want


@examples(8, 40)
@given(SEEDS)
def test_other_keys_change_nothing_within_a_key(seed):
    text, rows, _ = example(seed, keyed)
    rows = sorted(rows, key=lambda item: item[1]["ts"])  # nothing late: that is the stream's, not the key's
    runs = [ask] + ([engine_run] if seed % 4 == 0 else [])
    for run in runs:
        together = run(text, in_nanoseconds(text, rows), "final")
        for key in ("x", "y", "z"):
            places = [n for n, (_, row) in enumerate(rows) if row["k"] == key]
            alone = run(text, in_nanoseconds(text, [rows[n] for n in places]), "final")
            names = {}
            for n in places:
                stream = rows[n][0]
                number = sum(rows[m][0] == stream for m in range(n))
                names[stream, sum(rows[m][0] == stream for m in places if m < n)] = (stream, number)
            want = [(*comparable(r)[:4], [names[e] for e in r.events]) for r in alone]
            assert [comparable(r) for r in together if r.fields["k"] == key] == want, text


def keyed(rng):
    """A rule keyed by ``k``, whatever else its key."""
    while True:
        text = rule_text(rng)
        if "keyed by k" in text:
            return text


def engine_run(text, nanoseconds, end):
    rows = [(stream, row | {"ts": row["ts"] // US}) for stream, row in nanoseconds]
    return engine_adapter.run(text, rows, end)


@examples(100, 10)
@given(SEEDS)
def test_a_wider_bound_loses_no_match_of_keep_all(seed):
    """For patterns whose last step is one event (a loop at the end would take more), and that wait for no bound."""
    rng = generator("wider", seed)
    while True:
        text = rule_text(rng, nested=0).replace(" prefer earliest", "")
        if "within" in text and "keep all" in text and " for " not in text and ends_in_one(text):
            break
    rows = arrivals(rng, 30, rules=text)
    at = text.index("within ") + len("within ")
    bound = int(text[at:].split()[0])
    wider = text[:at] + str(bound + 3) + text[at + len(str(bound)) :]
    decided = {(r[2], r[4][0], r[4][-1]) for r in expected(file_of(text), rows, "final")}
    assert decided <= {(r[2], r[4][0], r[4][-1]) for r in expected(file_of(wider), rows, "final")}, text


def ends_in_one(text):
    step = text.split("within")[0].strip().splitlines()[-1].split(" as ")[0]
    return not any(word in step for word in ("or more", "optional", "2 ", "3 "))


@examples(6, 40)
@given(SEEDS)
def test_every_match_of_a_skip_rule_is_one_of_keep_all(seed):
    """Without `consume`, which lets a less preferred candidate come to be a match."""
    rng = generator("skips", seed)
    while True:
        text = rule_text(rng)
        if "after match skip" in text and "consume" not in text:
            break
    rows = arrivals(rng, 30, rules=text)
    all_text = re.sub("after match skip to (next|first s[0-9]|last s[0-9])", "after match keep all", text)
    every, some = (expected(file_of(t), rows, "final") for t in (all_text, text))
    if "earliest" in text:  # with `keep all` it waits for starts that the skip rule refuses: times differ
        every, some = ([found[3:] for found in results] for results in (every, some))
    assert all(found in every for found in some), text


@examples(6, 40)
@given(SEEDS)
def test_parentheses_in_the_middle_change_nothing(seed):
    """Where every link is `then`: else the link before a group may be another than that of its first event."""
    rng = generator("parentheses", seed)
    while True:
        bare, grouped = in_parentheses(rng)
        if "next" not in bare and "then any" not in bare:
            break
    rows = arrivals(rng, 30, rules=bare)
    want = expected(file_of(bare), rows, "final")
    assert expected(file_of(grouped), rows, "final") == want, grouped
    if seed % 4 == 0:
        assert [comparable(r) for r in engine_adapter.run(file_of(grouped), rows, "final")] == want, grouped


def in_parentheses(rng):
    """A plain rule of four steps or more, and the same with two neighbours in the middle as a group."""
    while True:
        text = rule_text(rng, nested=0)
        head, _, rest = text.partition("when ")
        steps = rest.split("\n  ")
        if len(steps) >= 5 and " for " not in rest and not any(" no " in step for step in steps):
            break
    first = rng.randint(0, len(steps) - 4)
    one, two = (step.removeprefix("then ") for step in steps[first : first + 2])
    steps[first : first + 2] = [f"{'then ' if first else ''}({one} then {two})"]
    return text, f"{head}when " + "\n  ".join(steps)


# ------------------------------------------------------------------------------------------ plain and compiled


def digest_of_results(count):
    """A digest of what the engine finds in some examples, the same in every process."""
    digest = hashlib.sha256()
    for n in range(count):
        text, rows, end = example(f"plain {n}")
        found = [comparable(r) for r in engine_adapter.run(text, rows, end, cut=CUTS[n % len(CUTS)])]
        digest.update(json.dumps(found).encode())
    return digest.hexdigest()


def package_path():
    """Where this process found cep, for one that starts elsewhere."""
    return os.pathsep.join([str(Path(cep.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])


def without_the_compiler(cache, *command):
    """What a command of Python prints when numba is out of the way."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=HERE.parent,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "CEP_CACHE": str(cache), "PYTHONPATH": package_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return done.stdout


@compiled_only
def test_plain_and_compiled_say_the_same(tmp_path):
    count = int(10 * SCALE)
    code = f"import conftest; from properties.test_laws import digest_of_results as d; print(d({count}))"
    plain = without_the_compiler(tmp_path, "-c", code)
    assert plain.split()[-1] == digest_of_results(count)


@compiled_only
@pytest.mark.beside(
    ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-W", "ignore", str(HERE)],
    {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": package_path()},
)
def test_the_laws_hold_without_the_compiler(beside):
    assert beside.returncode == 0, beside.stdout[-6000:] + beside.stderr[-4000:]
