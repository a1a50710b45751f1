 s7³º¼R–638Úš‚ÏÄóİ¾rKß°[I	Ÿ¢ !ùyEËÕ¢).E‹‡ı(qÒmê•èMAŠ ‹!mce1/bad80424e41715dd27d48df8088c139c6e569bba8b54ba1418839d5ea4ed3e86
4
DntMvjhMN9Bs1dlC4qXuVNalsKileOQ47SfAcEfd2ho=

â€” mce1/bad80424e41715dd27d48df8088c139c6e569bba8b54ba1418839d5ea4ed3e86 IyHQ8MBbnrQqF+2Zpjo+s2NOcsFPdj5ensMnsenyshWsZoWJNi2d2Oi1ebBzn7zn0Lf9uZfyfIB2eVTpCGfdFkicZw4=
