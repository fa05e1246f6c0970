// The connection to the service: one EventSource, kept alive for weeks.

const SILENT_MS = 40_000; // the service beats every 15 s; a cable that was pulled says nothing at all
const AGAIN_MS = [2_000, 5_000, 10_000, 20_000];

/** Follow `url`. `on.board(board)`, `on.beat({now_ms, page})` and `on.state(connected, heardAt)` are called. */
export function follow(url, on) {
  let source = null;
  let heardAt = Date.now();
  let failures = 0;
  let timer = 0;

  function heard() {
    heardAt = Date.now();
    failures = 0;
    on.state(true, heardAt);
  }

  function open() {
    clearTimeout(timer);
    timer = 0;
    if (source) source.close();
    source = new EventSource(url);
    source.onmessage = (event) => {
      heard();
      on.board(JSON.parse(event.data));
    };
    source.addEventListener("beat", (event) => {
      heard();
      on.beat(JSON.parse(event.data));
    });
    source.onerror = () => {
      on.state(false, heardAt);
      // After an HTTP error (a proxy while we restart) the browser gives up for good: then we begin anew.
      if (source.readyState === EventSource.CLOSED) again();
    };
  }

  function again() {
    if (timer) return;
    const wait = AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)];
    failures += 1;
    timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
  }

  setInterval(() => {
    if (Date.now() - heardAt > SILENT_MS && !timer) {
      on.state(false, heardAt);
      again();
    }
  }, 5_000);
  open();
}
