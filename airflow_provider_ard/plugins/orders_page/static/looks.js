// Looking again and again, as long as somebody sees it.

export class Looks {
  /**
   * `look()` looks once and returns the milliseconds until the next time, null for no next time; `mayRest()` says
   * whether there is no need to look now.
   */
  constructor(look, mayRest) {
    Object.assign(this, { look, mayRest });
    this.timer = null;
    this.isLooking = false;
    this.hasEnded = false;
  }

  /** Look now. The next look begins after this one has ended: a slow answer is no reason for more questions. */
  async now() {
    clearTimeout(this.timer);
    if (this.isLooking || this.hasEnded || document.hidden || this.mayRest()) return;
    this.isLooking = true;
    const wait = await this.look();
    this.isLooking = false;
    if (wait !== null) this.timer = setTimeout(() => this.now(), wait);
  }

  end() {
    this.hasEnded = true;
    clearTimeout(this.timer);
  }
}
