"""Events like those of a social firehose, as NDJSON: nested, of ten kinds, with optional paths and values whose type differs from one record to the next."""

import json
import random

COLLECTIONS = {"app.bsky.feed.like": 46, "app.bsky.feed.post": 15, "app.bsky.graph.follow": 20, "app.bsky.feed.repost": 11, "app.bsky.graph.block": 3,
               "app.bsky.actor.profile": 2, "app.bsky.graph.listitem": 1.5, "app.bsky.feed.threadgate": 1, "app.bsky.graph.list": 0.5}
WORDS = "the a of to and in is it you that this for on was with are just not have but so like what all they one my me we good new day".split()
LANGUAGES = ("en", "ja", "pt", "de", "es", "fr", "ko")
START_US, SPAN_US = 1_732_206_349_000_000, 30 * 3600 * 1_000_000


def token(rng, length):
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=length))


def reference(rng):
    return {"cid": "bafyrei" + token(rng, 52), "uri": f"at://did:plc:{token(rng, 24)}/app.bsky.feed.post/3l{token(rng, 11)}"}


def record_of(rng, collection, at_us):
    record = {"$type": collection, "createdAt": at_us // 1000 if rng.random() < 0.0005 else f"2024-11-21T{at_us // 3_600_000_000 % 24:02d}:00:00.000Z"}
    if collection.endswith((".like", ".repost")):
        record["subject"] = reference(rng)
    elif collection.endswith((".follow", ".block", ".listitem")):
        record["subject"] = "did:plc:" + token(rng, 24)
    elif collection.endswith(".post"):
        record["text"] = " ".join(rng.choices(WORDS, k=rng.randint(3, 30)))
        record["langs"] = rng.choice(LANGUAGES) if rng.random() < 0.002 else rng.sample(LANGUAGES, rng.choice((1, 1, 1, 2)))
        if rng.random() < 0.4:
            record["reply"] = {"parent": reference(rng), "root": reference(rng)}
    if rng.random() < 0.1:
        record["ext"] = {f"k{rng.randrange(50):02d}": f"v{rng.randrange(50)}" if rng.random() < 0.2 else rng.randrange(1000) for _ in range(rng.randint(1, 3))}
    return record


def event(rng, number, count, people):
    at_us = START_US + number * SPAN_US // count
    did = people[min(int(rng.paretovariate(0.9)), len(people)) - 1]
    if rng.random() < 0.008:
        return {"did": did, "time_us": at_us, "kind": "identity", "identity": {"did": did, "seq": 4_000_000_000 + number, "handle": token(rng, 12) + ".example"}}
    collection, = rng.choices(list(COLLECTIONS), weights=COLLECTIONS.values())
    operation, = rng.choices(("create", "delete", "update"), weights=(93, 5.5, 1.5))
    commit = {"rev": "3l" + token(rng, 11), "operation": operation, "collection": collection, "rkey": "3l" + token(rng, 11)}
    if operation != "delete":
        commit |= {"record": record_of(rng, collection, at_us), "cid": "bafyrei" + token(rng, 52)}
    return {"did": did, "time_us": at_us, "kind": "commit", "commit": commit}


def write(path, count, seed=42):
    """The same seed and count: the same bytes."""
    rng = random.Random(seed)
    people = ["did:plc:" + token(rng, 24) for _ in range(20_000)]
    with open(path, "w", encoding="utf-8") as out:
        for number in range(count):
            out.write(json.dumps(event(rng, number, count, people), separators=(",", ":")) + "\n")
