// Polling for as long as the page is visible.

export class Poller {
  /**
   * `poll()` polls once and returns the milliseconds until the next poll, null to stop; `isPaused()` returns whether
   * polling is not needed now.
   */
  constructor(poll, isPaused) {
    Object.assign(this, { poll, isPaused });
    this.timer = null;
    this.isPolling = false;
    this.isStopped = false;
  }

  /** Poll now. The pause begins after the response, so that requests to a slow server do not pile up. */
  async pollNow() {
    clearTimeout(this.timer);
    if (this.isPolling || this.isStopped || document.hidden || this.isPaused()) return;
    this.isPolling = true;
    const pause = await this.poll();
    this.isPolling = false;
    if (pause !== null) this.timer = setTimeout(() => this.pollNow(), pause);
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
  }
}
