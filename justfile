# Development commands. `just` is installed in the environment: `uv run just`, or .venv/bin/just.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

[private]
default:
    @just --list --unsorted

# Create the environment, migrate, load the demo data if the database is empty, run the server
run *options:
    scripts/run {{options}}

# Lint, type check, import rules and all tests, on SQLite + memory and on PostgreSQL + Redis
test *options:
    scripts/test {{options}}

# Lint, type check, import rules and the tests of the files changed since COMMIT, on SQLite
check commit="HEAD":
    scripts/check {{commit}}

# Run the long scenarios and drawn tests at full size on both databases, and print what they measured
torture *options:
    #!/usr/bin/env bash
    status=0
    long="tests/reliability tests/parity tests/doors/graphql/test_both_executors.py tests/areas/catalog/formats tests/areas/pricing tests/areas/carts tests/areas/orders tests/areas/inventory"
    for database in sqlite postgresql; do
        TRADEPOST_TORTURE=1 pytest $long tests/areas/catalog/import_export/test_running.py --database "$database" --durations 20 -o timeout=3600 {{options}} ||
            status=1
    done
    exit $status

# Format the source and apply automatic fixes
format:
    ruff check --quiet --fix-only
    ruff format

# Fill the database with demo data
seed products="500":
    tradepost seed --products {{products}}

# Create an area: src/tradepost/areas/NAME with one resource THING (default: NAME in the singular), migration and tests
new-area name thing="":
    python scripts/new_area.py {{name}} {{thing}}

# Print the places of a new resource NAME (singular) in AREA, with the lines to add
new-entity area name:
    python scripts/new_entity.py {{area}} {{name}}

# Write openapi.json, openapi.v2.json, schema.graphql and events.json; review the diff before you commit
export-contract folder="tests/contract":
    tradepost export-contract {{folder}}

# At a release: make the current contract the one that later changes are compared with
release-contract: export-contract
    cp tests/contract/openapi.json tests/contract/openapi.v2.json tests/contract/schema.graphql tests/contract/released/

# Resolve the dependencies and write requirements.lock
lock:
    "$(command -v uv || echo var/uv/bin/uv)" pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate pyproject.toml --all-extras --output-file requirements.lock

# Run the benchmarks, which write scripts/bench/RESULTS.md (`--quick`: about 3 minutes)
bench *options:
    python -m scripts.bench {{options}}
