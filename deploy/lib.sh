# Functions that the other scripts source: they find and install the requirements, and set the flags
# of the build. sluice-local does the rest of the work, but it needs a Rust toolchain first.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
state_dir="${SLUICE_LOCAL_DIR:-$root/var}"

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Sets the flags of Cargo, the same for every script, so that they share one cache. On x86-64 rustc
# links with its own lld. Elsewhere a fast linker is used if one is installed.
build_environment() {
    if [ "$(uname -m)" = aarch64 ] && [ -z "${RUSTFLAGS:-}${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS:-}" ]; then
        local linker=
        if command -v mold >/dev/null; then
            linker=mold
        elif command -v ld.lld >/dev/null; then
            linker=lld
        fi
        [ -z "$linker" ] || export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=-fuse-ld=$linker"
    fi
    target_dir="${CARGO_TARGET_DIR:-$root/target}"
}

# Prints the major version of the Java in the path; 0 if there is no Java.
java_version() {
    command -v java >/dev/null || { echo 0; return; }
    java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p' | grep . || echo 0
}

has_postgres() {
    command -v psql >/dev/null || return 1
    local folder
    for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && return 0
    done
    command -v initdb >/dev/null
}

find_chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}

# Prints the missing Debian packages. $1: "tests" adds the packages for tests.
missing_packages() {
    command -v curl >/dev/null || echo curl
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    command -v gcc >/dev/null && command -v g++ >/dev/null && command -v make >/dev/null || echo build-essential
    command -v pkg-config >/dev/null || echo pkg-config
    [ "$(uname -m)" != aarch64 ] || command -v mold >/dev/null || command -v ld.lld >/dev/null || echo mold
    has_postgres || echo postgresql
    [ "$(java_version)" -ge 17 ] || echo java-17-runtime
    command -v mvn >/dev/null || echo maven
    command -v npm >/dev/null || echo npm
    if [ "${1:-}" = tests ]; then
        find_chromium >/dev/null || echo chromium
        python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
        [ -n "$(ls -d /usr/share/fonts/*/* 2>/dev/null | head -1)" ] || echo fonts-dejavu-core
    fi
}

install_packages() {
    local packages
    packages="$(missing_packages "${1:-}" | tr '\n' ' ')"
    [ -n "${packages// /}" ] || return 0
    if ! command -v apt-get >/dev/null; then
        fail "install these packages with the package manager of your system (names of Debian): $packages"
    fi
    local sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "run as root or install: apt-get install $packages"
        sudo="sudo"
    fi
    say "installing: $packages"
    $sudo apt-get update -qq || say "apt-get update failed; continuing with the existing package lists"
    # The default is 17 or newer in Debian, but may be 11 in Ubuntu.
    local java=default-jre-headless
    for java in openjdk-21-jre-headless openjdk-17-jre-headless default-jre-headless; do
        apt-cache show "$java" >/dev/null 2>&1 && break
    done
    packages="${packages/java-17-runtime/$java}"
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o APT::Color=0 $packages | grep -E --line-buffered '^(Get:|Setting up|Unpacking)' |
        sed -u 's/^/  /' || true
    local still
    still="$(missing_packages "${1:-}" | tr '\n' ' ')"
    [ -z "${still// /}" ] || fail "still missing after apt-get install: $still"
}

# Prints the version that Cargo.toml requires.
wanted_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

has_rust() {
    command -v cargo >/dev/null || return 1
    local have
    have="$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p')"
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$(wanted_rust)" "$have" | sort -V | head -1)" = "$(wanted_rust)" ]
}

install_rust() {
    [ -x "$HOME/.cargo/bin/cargo" ] && PATH="$HOME/.cargo/bin:$PATH"
    has_rust && return 0
    local why="Rust $(wanted_rust) or newer is needed"
    if command -v rustup >/dev/null; then
        say "$why: installing the stable toolchain with rustup"
        rustup toolchain install stable --profile minimal -c rustfmt -c clippy && rustup default stable
    else
        say "$why: installing rustup and Rust"
        curl --proto '=https' --tlsv1.2 -sSf --connect-timeout 15 https://sh.rustup.rs |
            sh -s -- -y --profile minimal -c rustfmt -c clippy --no-modify-path || true
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    has_rust || fail "$why, and rustup could not be reached: install Rust by hand, see https://www.rust-lang.org/tools/install"
}

# Puts the checkers of checkers.txt into the path, from a cache if they are there.
install_checkers() {
    local list="$root/deploy/checkers.txt" folder
    folder="${XDG_CACHE_HOME:-$HOME/.cache}/sluice/checkers/$(cksum <"$list" | cut -d' ' -f1)"
    if [ ! -d "$folder" ]; then
        say "installing the checkers of dependencies"
        local new="$folder.$$"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
            --require-hashes --requirement "$list" --target "$new" || fail "pip could not install $list"
        # Another run may have been first.
        mv -T "$new" "$folder" 2>/dev/null || rm -rf "$new"
    fi
    PATH="$folder/bin:$PATH"
}

# Installs everything that a build needs. $1: "tests" adds the requirements of the tests.
prepare() {
    install_packages "${1:-}"
    install_rust
    build_environment
}

# Starts PostgreSQL, Kafka and ClickHouse for tests in a folder ($1), unless SLUICE_TEST_SERVERS names
# running ones. Sets SLUICE_TEST_SERVERS. The exit trap of the caller must call stop_servers. Needs a
# built sluice-local.
servers_pid=
start_servers() {
    [ -z "${SLUICE_TEST_SERVERS:-}" ] || return 0
    mkdir -m 755 "$1/servers"
    chmod 755 "$1"
    "$target_dir/debug/sluice-local" servers --dir "$1/servers" --json "$1/servers.json" >"$1/servers.log" 2>&1 &
    servers_pid=$!
    for _ in $(seq 6000); do
        [ -s "$1/servers.json" ] && break
        kill -0 "$servers_pid" 2>/dev/null || { cat "$1/servers.log" >&2; fail "the test servers did not start"; }
        sleep 0.1
    done
    [ -s "$1/servers.json" ] || fail "the test servers did not start in ten minutes"
    export SLUICE_TEST_SERVERS="$1/servers.json"
}

stop_servers() {
    [ -n "$servers_pid" ] || return 0
    kill "$servers_pid" 2>/dev/null || true
    wait "$servers_pid" 2>/dev/null || true
}

# Runs a command of the stack with the binary that `up` built.
run_local() {
    build_environment
    local binary="$target_dir/release/sluice-local"
    [ -x "$binary" ] || binary="$target_dir/debug/sluice-local"
    [ -x "$binary" ] || fail "nothing is built yet: run ./deploy/up first"
    exec "$binary" "$1" --dir "$state_dir" "${@:2}"
}
