import { describeSearch } from "./search.ts";

describeSearch("elasticsearch-7");
