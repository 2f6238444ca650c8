import { createHash } from "node:crypto";
import { basename, posix } from "node:path";
import type { Plugin } from "esbuild";
import { type Asset, type Assets, toAsset } from "./assets.ts";

/** Where the bundles are, below the prefix of the assets. */
const FOLDER = "built/";

/** A page as a browser gets it, and the files that it names, by their names below the prefix. */
type Built = { pages: ReadonlyMap<string, Asset>; files: ReadonlyMap<string, Asset> };

/**
 * The pages with their modules in one file and their styles in another, made in memory when the first of them is asked
 * for. Seventy small modules are seventy requests, and on a telephone two seconds.
 */
export class Bundles {
  readonly #assets: Assets;
  readonly #names: readonly string[];
  #built: Promise<Built> | null = null;

  /** @param names of the pages: each is a folder with an `index.html`. */
  constructor(assets: Assets, names: readonly string[]) {
    this.#assets = assets;
    this.#names = names;
  }

  async page(name: string): Promise<Asset | null> {
    return (await this.#build()).pages.get(name) ?? null;
  }

  /** A file by its name below the prefix; null for what no page names. */
  async find(name: string): Promise<Asset | null> {
    return name.startsWith(FOLDER) ? ((await this.#build()).files.get(name) ?? null) : null;
  }

  #build(): Promise<Built> {
    this.#built ??= this.#make().catch((error: unknown) => {
      this.#built = null;
      throw error;
    });
    return this.#built;
  }

  async #make(): Promise<Built> {
    // Not loaded by a server whose pages nobody opens.
    const { build, stop, transform } = await import("esbuild");
    building += 1;
    try {
      const { outputFiles, metafile } = await build({
        entryPoints: this.#names.map((name) => ({ in: `${name}/main.js`, out: name })),
        plugins: [readFrom(this.#assets)],
        outdir: "/",
        absWorkingDir: "/",
        entryNames: "[name]-[hash]",
        chunkNames: "[name]-[hash]",
        bundle: true,
        splitting: true,
        minify: true,
        format: "esm",
        target: "es2022",
        charset: "utf8",
        legalComments: "inline",
        metafile: true,
        write: false,
      });
      const files = new Map<string, Asset>();
      for (const { path, text } of outputFiles) files.set(FOLDER + basename(path), toAsset(".js", text));
      const pages = new Map<string, Asset>();
      for (const name of this.#names) {
        const html = this.#assets.find(`${name}/index.html`)?.text ?? "";
        const styles = [...html.matchAll(/<link rel="stylesheet" href="([^"]+)" \/>\n?/g)];
        const css = styles
          .map(([, url = ""]) => this.#assets.find(this.#assets.nameOf(url))?.text ?? "")
          .join("\n");
        const { code } = await transform(css, { loader: "css", minify: true, charset: "utf8" });
        const hash = createHash("sha256").update(code).digest("base64url").slice(0, 8);
        const sheet = `${FOLDER}${name}-${hash}.css`;
        files.set(sheet, toAsset(".css", code));
        pages.set(name, toAsset(".html", this.#link(html, sheet, modulesOf(metafile, `${name}/main.js`))));
      }
      return { pages, files };
    } finally {
      building -= 1;
      // It is a process of its own, and two servers of one process share it.
      if (building === 0) await stop();
    }
  }

  /** The page with its one sheet, its module and the modules that this one needs at once. */
  #link(html: string, sheet: string, modules: readonly string[]): string {
    const { prefix } = this.#assets;
    const [entry, ...needed] = modules.map((file) => `${prefix}${FOLDER}${file}`);
    const links = [
      `<link rel="stylesheet" href="${prefix}${sheet}" />`,
      `<script type="module" src="${entry}"></script>`,
      ...needed.map((url) => `<link rel="modulepreload" href="${url}" />`),
    ];
    return html
      .replace(/\s*<link rel="stylesheet"[^>]*>/g, "")
      .replace(/\s*<script type="module"[^>]*><\/script>/g, "")
      .replace("</head>", `  ${links.join("\n    ")}\n  </head>`);
  }
}

/** Bundles being made in this process. */
let building = 0;

type Metafile = {
  outputs: Record<string, { entryPoint?: string; imports: readonly { path: string; kind: string }[] }>;
};

/** The file of an entry, and those that it loads before it begins. */
function modulesOf({ outputs }: Metafile, entry: string): string[] {
  const found = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(entry))?.[0];
  const known = new Set<string>();
  const add = (path: string) => {
    if (known.has(path)) return;
    known.add(path);
    for (const { path: next, kind } of outputs[path]?.imports ?? [])
      if (kind === "import-statement") add(next);
  };
  if (found !== undefined) add(found);
  return [...known].map((path) => basename(path));
}

/** Takes every module out of memory, by the names that modules have for one another. */
function readFrom(assets: Assets): Plugin {
  return {
    name: "assets",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        const name =
          kind === "entry-point" ? path : new URL(path, `http://server${assets.prefix}${importer}`).pathname;
        return {
          path: kind === "entry-point" ? posix.normalize(name) : assets.nameOf(name),
          namespace: "assets",
        };
      });
      build.onLoad({ filter: /.*/, namespace: "assets" }, ({ path }) => {
        const contents = assets.find(path)?.text;
        return contents === undefined
          ? { errors: [{ text: `${path} is not there` }] }
          : { contents, loader: "js" };
      });
    },
  };
}
