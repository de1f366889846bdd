import { describeReindex } from "./engine-cases.ts";

describeReindex("elasticsearch-7");
