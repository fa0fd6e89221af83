# The commands of the house. `just` comes with the environment: `uv run just`, or .venv/bin/just.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

[private]
default:
    @just --list --unsorted

# Make the environment, migrate, load the demo shop if the database is empty, serve
run *options:
    scripts/run {{options}}

# Lint, types, import rules and all tests, on SQLite + memory and on PostgreSQL + Redis
test *options:
    scripts/test {{options}}

# Lint, types, import rules and the tests of the rooms that changed since COMMIT, on SQLite
check commit="HEAD":
    scripts/check {{commit}}

# Lay out the source and mend what can be mended
format:
    ruff check --quiet --fix-only
    ruff format

# Fill the database with the demo shop
seed products="500":
    tradepost seed --products {{products}}

# Begin a room: src/tradepost/areas/NAME with one kind of THING (default: NAME in the singular), its migration and its tests
new-area name thing="":
    python scripts/new_area.py {{name}} {{thing}}

# Write openapi.json, openapi.v2.json and schema.graphql; look at the difference before you commit it
export-contract folder="tests/contract":
    tradepost export-contract {{folder}}

# At a release: what is served now is what later changes are held against
release-contract: export-contract
    cp tests/contract/openapi.json tests/contract/openapi.v2.json tests/contract/schema.graphql tests/contract/released/

# Resolve the dependencies anew and write requirements.lock
lock:
    "$(command -v uv || echo var/uv/bin/uv)" pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate pyproject.toml --all-extras --output-file requirements.lock

# Measure speed beside peers and limits: scripts/bench/RESULTS.md (`--quick`: within 3 minutes; `--scale`: a million products)
bench *options:
    python -m scripts.bench {{options}}
