"""Compares the table in cases/ with what a real kubectl reads, or writes it anew from that.

kubectl needs no server for this: `patch --local` with an empty patch prints the object as it was read."""
import json
import pathlib
import subprocess
import sys

CASES = pathlib.Path(__file__).resolve().parent / "cases"
HEAD = "apiVersion: example.dev/v1\nkind: Case\nmetadata: {name: case}\n"
REFUSED = "refused"


def read(kubectl, text):
    """What kubectl makes of a text: its objects as compact JSON, or REFUSED."""
    done = subprocess.run(
        [kubectl, "patch", "--local", "--type=json", "-p", "[]", "-f", "-", "-o", "json"],
        input=text, capture_output=True, timeout=60, check=False)
    if done.returncode != 0 and b"no objects passed" not in done.stderr:
        return REFUSED
    rest, objects = done.stdout.decode(), []
    while rest.strip():
        value, end = json.JSONDecoder().raw_decode(rest.lstrip())
        objects.append(value)
        rest = rest.lstrip()[end:]
    return objects


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def scalar_text(scalar):
    return f"{HEAD}spec:\n  value: {scalar}\n"


def key_text(key):
    return f"{HEAD}spec:\n  {key}: value\n"


def derive_line(kubectl, table, line):
    case = line.split("\t")[0]
    text = scalar_text(case) if table == "scalars" else key_text(case)
    objects = read(kubectl, text.encode())
    if objects == REFUSED:
        return f"{case}\t{REFUSED}"
    spec = objects[0]["spec"]
    return f"{case}\t{compact(spec['value'] if table == 'scalars' else spec)}"


def derive_table(kubectl, table):
    # Not splitlines(), to which U+0085 and its kin end a line.
    lines = (CASES / f"{table}.tsv").read_text().removesuffix("\n").split("\n")
    return "".join(derive_line(kubectl, table, line) + "\n" for line in lines)


def derive_document(kubectl, path):
    objects = read(kubectl, path.read_bytes())
    if objects == REFUSED:
        return REFUSED + "\n"
    return "".join(compact(value) + "\n" for value in objects)


def main(kubectl, write):
    derived = {CASES / f"{table}.tsv": derive_table(kubectl, table) for table in ("scalars", "keys")}
    for path in sorted((CASES / "documents").glob("*.yaml")):
        derived[path.with_suffix(".json")] = derive_document(kubectl, path)
    wrong = 0
    for path, text in derived.items():
        stored = path.read_text() if path.exists() else ""
        if write:
            path.write_text(text)
        elif stored != text:
            for old, new in zip(stored.split("\n"), text.split("\n")):
                if old != new:
                    print(f"{path.name}: the table has {old!r}, kubectl gives {new!r}")
            wrong += 1
    lines = sum(text.count("\n") for text in derived.values())
    print(f"{len(derived)} files, {lines} lines, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: differential.sh KUBECTL [--write]")
    sys.exit(main(sys.argv[1], "--write" in sys.argv[2:]))
