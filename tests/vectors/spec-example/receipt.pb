 NА?ЊEБb?ЫоС…Fи
ҐcDЛ‡ГoЊЪ#л‹ѓ?Њ? Ьсы\НwлЩы№¤^ЈЊиtЃАкН4Q‘Щb“єШхќmce1/bab9daab0ba51435acce1da7f971948b31c2638269d31516e5f1f6ca63f06a55
4
enTOA4LA7dJP6nBn6nT77cT3ZML/AOMn0sgRDHiwVxA=

вЂ” mce1/bab9daab0ba51435acce1da7f971948b31c2638269d31516e5f1f6ca63f06a55 z3xTyaZ0LUtlx6xpaxpz4XUYr252D3NQL0T4ZCG50CGH2xbqiM7ybqmK2H37MdXEZri2RWEr0/NGkq4B9U5RBhx3gAo=
