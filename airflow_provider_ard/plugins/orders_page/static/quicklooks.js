// Quicklooks of an order's tiles: thumbnails for the panel, and the newest one of each cell for the map.

import { quicklook, quicklookUrl } from "./data.js";
import { make } from "./format.js";

const BATCH = 24;
const CONCURRENT = 4;
// After so many errors in sequence the service is taken to be down.
const MAX_ERRORS = 3;

/** Return the tiles of an order: the newest one of each cell, then the others, each newest first. */
function tilesOf(details) {
  const newestFirst = (a, b) => (a.date === b.date ? 0 : a.date < b.date ? 1 : -1);
  const stacks = details.cells.map(([cell, ring, tiles]) => tiles.map(([acquisition, date]) => ({ cell, ring, acquisition, date: date ?? "" })).sort(newestFirst));
  const newest = stacks.flatMap(([tile]) => (tile ? [{ ...tile, isNewest: true }] : []));
  return [...newest.sort(newestFirst), ...stacks.flatMap((stack) => stack.slice(1)).sort(newestFirst)];
}

export class Quicklooks {
  /** Loads into `element`. `onNewest(tile, image)` is called for the newest tile of each cell. */
  constructor(connection, details, onNewest) {
    Object.assign(this, { connection, onNewest });
    this.tiles = tilesOf(details);
    this.errors = 0;
    this.isStopped = false;
    this.list = make("ul", {});
    this.more = make("button", { type: "button" });
    this.more.addEventListener("click", () => this.loadBatch());
    this.note = make("p", { className: "quiet", role: "status" });
    this.element = make("section", { className: "quicklooks", "aria-label": "Quicklooks" }, make("h3", {}, "Quicklooks"), this.list, this.note, this.more);
    this.element.hidden = !this.tiles.length;
    this.loadBatch();
  }

  /** Stop loading, and release the images. */
  stop() {
    this.isStopped = true;
    for (const image of this.list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  }

  async loadBatch() {
    const batch = this.tiles.splice(0, BATCH).map((tile) => ({ ...tile, item: make("li", {}) }));
    this.list.append(...batch.map(({ item }) => item));
    this.more.hidden = true;
    await Promise.all(Array.from({ length: CONCURRENT }, () => this.loadNext(batch)));
    for (const { item } of batch) item.remove();
    this.more.hidden = !this.tiles.length || this.errors >= MAX_ERRORS;
    this.more.textContent = `Show ${Math.min(BATCH, this.tiles.length)} more of ${this.tiles.length}`;
  }

  async loadNext(batch) {
    while (batch.length && !this.isStopped && this.errors < MAX_ERRORS) await this.load(batch.shift());
  }

  async load(tile) {
    const { connection } = this;
    try {
      const image = make("img", { alt: `Quicklook of ${tile.acquisition} in cell ${tile.cell}, ${tile.date}` });
      image.src = URL.createObjectURL(await quicklook(connection, tile.acquisition, tile.cell));
      await image.decode();
      if (this.isStopped) return URL.revokeObjectURL(image.src);
      this.errors = 0;
      const link = make("a", { href: quicklookUrl(connection, tile.acquisition, tile.cell), target: "_blank", title: `${tile.acquisition} ${tile.cell}` }, image, tile.date || tile.acquisition);
      tile.item.replaceChildren(link);
      if (tile.isNewest) this.onNewest(tile, image);
    } catch (error) {
      tile.item.remove();
      // A single tile may have none.
      if (error.status !== 404) this.errors += 1;
      this.note.textContent = this.errors >= MAX_ERRORS ? `Quicklooks are not available: ${error.message}` : "Some tiles have no quicklook.";
    }
  }
}
