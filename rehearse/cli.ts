import dotenv from "dotenv";
import { main } from "./main.ts";

dotenv.config({ quiet: true });
process.exitCode = await main(process.argv.slice(2), process.env, console.log, console.error);
