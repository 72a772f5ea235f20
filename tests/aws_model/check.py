#!/usr/bin/env python3
"""Holds the rows of schema/ against AWS's own model of its APIs, as botocore carries it.

    EKSACT_ROWS_FILE=rows.json unit_model_explain && check.py rows.json

Every member of the create and update calls must have a row or be refused by one,
and every operation must be spoken to as the model says. Exit code 1 when not.
"""
import json
import sys

import botocore
import botocore.loaders

# Members of update inputs that carry a field under another name, and what they carry.
CARRIERS = {
    "NodeGroup": {
        "labels.addOrUpdateLabels": "labels",
        "labels.removeLabels": "labels",
        "taints.addOrUpdateTaints": "taints",
        "taints.removeTaints": "taints",
    }
}
# Kind of ours, its create call and its update calls, and the member that is the cluster's name.
KINDS = {
    "Cluster": (
        "eks",
        "CreateCluster",
        ["UpdateClusterConfig", "UpdateClusterVersion", "AssociateEncryptionConfig"],
    ),
    "NodeGroup": ("eks", "CreateNodegroup", ["UpdateNodegroupConfig", "UpdateNodegroupVersion"]),
    "IAMRole": ("iam", "CreateRole", []),
    "OIDCProvider": ("iam", "CreateOpenIDConnectProvider", []),
}
# Names of the resource in calls about it.
NAMES = {"Cluster": {"name", "clusterName"}, "NodeGroup": {"clusterName", "nodegroupName"}}
# In the API since botocore 1.43.67; a model that is older does not have them.
NEWER = {"resourcesVpcConfig.controlPlaneEgressMode"}


def members(model, shape_name, prefix="", seen=()):
    """All members of a structure, flattened: path -> shape. Lists add "[]"."""
    shape = model["shapes"][shape_name]
    if shape["type"] == "list":
        yield from members(model, shape["member"]["shape"], prefix + "[]", seen)
    if shape["type"] != "structure" or shape_name in seen:
        return
    for name, member in shape["members"].items():
        path = f"{prefix}.{name}" if prefix else name
        yield path, model["shapes"][member["shape"]]
        yield from members(model, member["shape"], path, seen + (shape_name,))


def lower(name):
    return name[0].lower() + name[1:]


def row_of(kind, path, rows):
    """The path of the row that answers for a member of a call."""
    for carrier, field in CARRIERS.get(kind, {}).items():
        if path == carrier or path.startswith(carrier + "["):
            path = field + path[len(carrier):]
    return path if path in rows else None


def check_kind(kind, rows, models, problems):
    service, create, updates = KINDS[kind]
    model = models[service]
    by_path = {row["path"]: row for row in rows}
    for call in [create, *updates]:
        shape = model["operations"][call]["input"]["shape"]
        for path, member in members(model, shape):
            if service == "iam":
                path = lower(path.split(".")[0].split("[")[0])
                if path == "tags":
                    continue
            if path in NAMES.get(kind, ()) and call != create:
                continue
            row = row_of(kind, path, by_path)
            if row is None:
                problems.append(f"{kind}: {call} takes {path}, and no row handles or refuses it")
                continue
            unknown = set(member.get("enum", ())) - set(by_path[row]["values"])
            # Our own name for a member's values may be absent where an example says enough.
            if unknown and member["type"] == "string":
                problems.append(f"{kind}.{row}: values that the API knows and the row does not: {sorted(unknown)}")
    for row in rows:
        check_update(kind, row, model, problems)


def check_update(kind, row, model, problems):
    """A row's update call must take the field."""
    for call, path in ((row["update"], row["addPath"]), (row["remove"], row["removePath"])):
        if call is None or "[]" in row["path"]:
            continue
        if call not in model["operations"]:
            problems.append(f"{kind}.{row['path']}: there is no call {call}")
            continue
        path = path or row["path"]
        taken = {p for p, _ in members(model, model["operations"][call]["input"]["shape"])}
        if model["metadata"]["protocol"] == "query":
            taken = {lower(p) for p in taken}
            if call == row["remove"] and row["removePath"] is None:
                continue
        if path not in taken and path not in NEWER:
            problems.append(f"{kind}.{row['path']}: {call} does not take {path}")


def check_operation(operation, models, problems):
    name, model = operation["name"], models[operation["service"]]
    if name not in model["operations"]:
        problems.append(f"there is no operation {name}")
        return
    theirs = model["operations"][name]
    input_shape = model["shapes"][theirs["input"]["shape"]] if "input" in theirs else {"members": {}}
    output_shape = model["shapes"][theirs["output"]["shape"]] if "output" in theirs else {"members": {}}
    query = model["metadata"]["protocol"] == "query"
    ours_in = {m: (m[0].upper() + m[1:] if query else m) for m in operation["keys"]}
    for key, member in ours_in.items():
        if member not in input_shape["members"]:
            problems.append(f"{name}: its input has no {member}")
    for part in ("result", "list"):
        member = operation[part]
        if member is None:
            continue
        member = member[0].upper() + member[1:] if query else member
        if member not in output_shape["members"]:
            problems.append(f"{name}: its answer has no {member}")
    if query:
        return
    in_path = {m.get("locationName", n): n for n, m in input_shape["members"].items() if m.get("location") == "uri"}
    path = theirs["http"]["requestUri"]
    for label, member in in_path.items():
        path = path.replace("{%s}" % label, "{%s}" % member)
    if (operation["method"], operation["path"]) != (theirs["http"]["method"], path):
        problems.append(f"{name}: {operation['method']} {operation['path']}, the model says {theirs['http']['method']} {path}")
    in_query = {n for n, m in input_shape["members"].items() if m.get("location") == "querystring"}
    if in_query != set(filter(None, (operation["query"] or "").split(","))):
        problems.append(f"{name}: query {operation['query']}, the model says {sorted(in_query)}")
    token = [n for n, m in input_shape["members"].items() if m.get("idempotencyToken") or model["shapes"][m["shape"]].get("idempotencyToken")]
    if (token[0] if token else None) != operation["token"]:
        problems.append(f"{name}: token {operation['token']}, the model says {token}")
    is_update = "update" in output_shape["members"] and name != "DescribeUpdate"
    if is_update != operation["update"]:
        problems.append(f"{name}: answers with an update: {is_update}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ours = json.load(file)
    loader = botocore.loaders.create_loader()
    models = {s: loader.load_service_model(s, "service-2") for s in ("eks", "iam", "sts")}
    problems = []
    for kind in KINDS:
        check_kind(kind, ours["kinds"][kind], models, problems)
    for operation in ours["operations"]:
        check_operation(operation, models, problems)
    for problem in problems:
        print(problem)
    print(f"botocore {botocore.__version__}: {len(KINDS)} kinds, {len(ours['operations'])} operations, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
